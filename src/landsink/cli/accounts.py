"""Accounts and tokens of the portal, for its keeper."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from landsink import catalogue
from landsink.cli.page import AsJson, app, print_json, said
from landsink.portal import accounts

account_app = typer.Typer(help="Accounts of the portal: who may do more than read.", no_args_is_help=True)
token_app = typer.Typer(help="Tokens of programs that ask the portal.", no_args_is_help=True)
app.add_typer(account_app, name="account")
app.add_typer(token_app, name="token")

Name = Annotated[str, typer.Argument(metavar="NAME", help="2 to 40 of a-z, 0-9, '.', '_', '-'.")]


@account_app.command("add")
def add_account(
    name: Name,
    role: Annotated[str, typer.Option(help="reader, contributor or curator.")] = "reader",
) -> None:
    """Make an account. The password is asked for, or read from standard input; it is never an argument."""
    with said("nothing was changed."):
        made = _held().add(name, role, _password())
        typer.echo(f"{made.name} is a {made.role}.")


@account_app.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """List the accounts."""
    with said():
        found = _held().list()
        if as_json:
            print_json([asdict(a) for a in found])
        for a in () if as_json else found:
            typer.echo(f"{a.name}  {a.role}  {a.created}")


@account_app.command("password")
def change_password(name: Name) -> None:
    """Set a new password; sessions of browsers end, tokens stay."""
    with said("nothing was changed."):
        _held().password(name, _password())


@account_app.command("remove")
def remove_account(name: Name) -> None:
    """Take an account away, with its tokens. What it brought into the catalogue stays."""
    with said("nothing was changed."):
        _held().remove(name)


@token_app.command("make")
def make_token(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Whose it is.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "command line",
    scopes: Annotated[
        list[str] | None, typer.Option("--scope", help="read, write, run, curate; may be repeated.")
    ] = None,
    days: Annotated[int | None, typer.Option(help="Days that it lives; without end if not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token. It is told this once."""
    with said("nothing was changed."):
        secret, made = _held().make_token(account, name, scopes or ["read"], days)
        if as_json:
            print_json(asdict(made) | {"token": secret})
        else:
            typer.echo(secret)


@token_app.command("list")
def list_tokens(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="All if none is named.")] = "",
    as_json: AsJson = False,
) -> None:
    """List tokens, without what they are."""
    with said():
        found = _held().tokens(account)
        if as_json:
            print_json([asdict(t) for t in found])
        for t in () if as_json else found:
            ends, used = t.expires or "without end", t.used or "never"
            typer.echo(f"{t.id}  {t.account}  {t.name}  {' '.join(t.scopes)}  ends {ends}  used {used}")


@token_app.command("revoke")
def revoke_token(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As 'landsink token list' tells it.")],
) -> None:
    """Take a token away; it is refused from now on."""
    with said("nothing was changed."):
        _held().revoke(identity)


def _held() -> "accounts.Accounts":
    return accounts.Accounts(catalogue.Catalogue.configured().database)


def _password() -> str:
    if sys.stdin.isatty():
        return typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return sys.stdin.readline().rstrip("\n")
