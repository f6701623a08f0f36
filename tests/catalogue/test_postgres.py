"""The catalogue on PostgreSQL, its bytes in a folder or in S3: what holds for the embedded one holds there too."""

import inspect
import json
import os
import re
import subprocess
import sys
import threading

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from landsink.catalogue import METADATA, Catalogue, Database, Query, schema, verify
from landsink.catalogue.database import REVISION, address
from landsink.core.errors import DataError, UnknownName
from landsink.portal import quarantine, usage
from landsink.portal.accounts import tables as accounts
from landsink.portal.jobs import tables as jobs
from tests.catalogue import plots, test_catalogue, test_safety, test_shelf
from tests.catalogue.plots import SOIL, said, shelf, table

PORTAL = {table.name for room in (accounts, jobs, quarantine, usage) for table in room.TABLES}
LAWS = (
    test_catalogue.test_get_takes_a_prefix_and_the_whole_hash_and_names_near_misses,
    test_catalogue.test_a_hash_that_only_shares_its_start_is_not_found,
    test_safety.test_a_sweep_leaves_the_living_alone,
    test_shelf.test_versions_follow_one_another,
    test_shelf.test_a_collection_is_named_by_its_members_whatever_their_order,
    test_shelf.test_the_clock_lifts_an_embargo,
    test_shelf.test_lineage_reaches_from_a_product_to_raw_files,
    test_shelf.test_a_circle_of_sources_ends,
    test_shelf.test_search_by_words_place_time_variable_and_kind,
    test_shelf.test_search_by_the_domain_of_stations,
    test_shelf.test_how_far_objects_reach,
    test_shelf.test_near_misses_share_the_first_letters,
    test_shelf.test_a_place_across_the_date_line,
    test_shelf.test_every_kind_is_cited_in_every_form,
    test_shelf.test_a_run_as_a_crate_with_its_provenance,
    test_shelf.test_a_static_export_is_valid_stac_and_stands_alone,
)
# These look at a catalogue's own folder.
FOLDER_LAWS = (
    test_catalogue.test_adding_twice_is_adding_once,
    pytest.param(test_safety.test_processes_that_take_in_the_same_object_agree, marks=pytest.mark.slow),
    test_safety.test_threads_that_take_in_the_same_objects_agree,
    test_safety.test_verify_names_what_is_not_what_it_was,
    test_safety.test_an_object_under_a_forged_name_is_named,
)


@pytest.fixture
def in_folder(postgres, monkeypatch):
    monkeypatch.setenv("LANDSINK_DATABASE", postgres)


@pytest.fixture
def in_s3(postgres, s3, monkeypatch):
    monkeypatch.setenv("LANDSINK_DATABASE", postgres)
    monkeypatch.setenv("LANDSINK_STORE", s3)


def hold(law, root) -> None:
    given = {"tmp_path": root, "store": None}
    if "store" in (asked := inspect.signature(law).parameters):
        given["store"] = shelf(root)
    law(**{name: given[name] for name in asked})


def named(law) -> str:
    return law.__name__.removeprefix("test_")


@pytest.mark.parametrize("law", LAWS, ids=named)
def test_what_holds_embedded_holds_on_postgres_and_s3(law, tmp_path, in_s3):
    hold(law, tmp_path)


@pytest.mark.parametrize("law", FOLDER_LAWS, ids=named)
def test_what_holds_embedded_holds_on_postgres_with_a_folder(law, tmp_path, in_folder):
    hold(law, tmp_path)


def test_no_name_or_word_commands_the_database(tmp_path, in_folder):
    store = shelf(tmp_path)
    name = store.ingest(table(tmp_path), SOIL, said()).id
    for forged in ("../../etc/passwd", "%", "_" * 24, "a' or '1'='1", "\x00", "é", "\ud800", name + "\x00"):
        for ask in (store.get, store.path, store.versions, store.lineage):
            with pytest.raises(UnknownName):
                ask(forged)
    for words in (
        '"',
        "zebra OR valley",
        "title:x",
        "x* NEAR y",
        "'; drop table object; --",
        "zebra & | !b",
        "!!!",
        "\x00",
    ):
        assert store.search(Query(words)).total == 0
    assert store.search(Query("valley:* 'stocks'")).total == 1
    with pytest.raises(DataError, match="no name may hold"):
        store.search(Query(kinds=("\x00",)))
    assert [i.id for i in store.list()] == [name]


def test_one_next_version_even_when_two_servers_name_it_at_once(tmp_path, in_folder):
    one, two = plots.store(tmp_path / "home"), plots.store(tmp_path / "home")
    first = one.ingest(table(tmp_path, first=1), SOIL, said()).id
    paths = [table(tmp_path, f"{n}.csv", n) for n in (2, 3)]
    ended: list[str] = []

    def work(store: Catalogue, path) -> None:
        try:
            ended.append(store.ingest(path, SOIL, said(previous=first)).id)
        except DataError as error:
            ended.append(f"newer version {error}")

    threads = [threading.Thread(target=work, args=pair) for pair in zip((one, two), paths, strict=True)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sum("newer version" in word for word in ended) == 1, ended
    assert len(one.versions(first)) == 2
    assert not verify(two).faults


def test_a_lost_index_is_made_again_from_the_items(tmp_path, in_s3, postgres):
    store = shelf(tmp_path)
    ids = {store.ingest(table(tmp_path, first=n), SOIL, said()).id for n in range(3)}
    with Database(postgres, "catalogue").writing() as connection:
        connection.exec_driver_sql("delete from object")
    assert store.list() == []
    assert sorted(store.sweep()) == sorted(f"indexed {name}" for name in ids)
    assert store.reindex() == 3
    assert {i.id for i in store.search(Query("soil")).items} == ids


def test_migrations_and_tables_say_the_same(postgres):
    assert {name for name in METADATA.tables if name.startswith("portal_")} == PORTAL
    with Database(postgres).engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _told})
        assert compare_metadata(context, METADATA) == []
        facts = connection.exec_driver_sql("select indexdef from pg_indexes where indexname = 'ix_box_place'")
        assert "USING gist" in facts.scalar()
    config = Config()
    config.set_main_option("script_location", "landsink.catalogue:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def _told(thing, name, kind, reflected, compare) -> bool:
    # Alembic reads no index over an expression; the test asks for it by name.
    return not (kind == "index" and name == "ix_box_place")


def test_boxes_are_found_by_their_tree(tmp_path, in_folder, postgres):
    shelf(tmp_path).ingest(table(tmp_path), SOIL, said())
    with Database(postgres).reading() as connection:
        connection.exec_driver_sql("set local enable_seqscan = off")
        asked = "select row from box where box(point(west, south), point(east, north)) && box(point(1, 2), point(3, 4))"
        plan = "\n".join(connection.exec_driver_sql(f"explain {asked}").scalars())
    assert "ix_box_place" in plan


def test_an_older_or_newer_database_is_refused_with_what_to_do(tmp_path, bare_postgres):
    database = Database(bare_postgres)
    with pytest.raises(DataError, match=r"no tables of landsink.*landsink database upgrade"):
        Catalogue(tmp_path / "home", server=bare_postgres).list()
    assert schema.upgrade(database) == ""
    assert schema.upgrade(database) == REVISION
    assert Catalogue(tmp_path / "home", server=bare_postgres).list() == []
    with database.alone() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    newer = Catalogue(tmp_path / "home", server=bare_postgres.replace("landsink@", "landsink:x@"))
    with pytest.raises(DataError, match="version 9999.*Install the newer landsink"):
        newer.list()
    with pytest.raises(DataError, match="Install the newer landsink"):
        schema.upgrade(database)
    Database(newer.server).engine().dispose()


def test_a_database_of_the_last_version_comes_to_this_one_with_all_that_it_holds(tmp_path, bare_postgres):
    """Tables as the second migration left them, an account and an old index in them: both are there afterwards."""
    name = shelf(tmp_path).ingest(table(tmp_path), SOIL, said()).id
    config, database = Config(), Database(bare_postgres)
    config.set_main_option("script_location", "landsink.catalogue:migrations")
    with database.alone() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for line in (
            "insert into object values (1, 'old', '', '', '', 'table', '', '', '', '', '', 'Old', null, '{}')",
            "insert into index_state values (3)",
            "insert into portal_brought values ('old', 'jane')",
        ):
            connection.exec_driver_sql(line)
    assert schema.upgrade(database) == "0002"
    store = Catalogue(tmp_path / "home", server=bare_postgres)
    assert [i.id for i in store.list()] == [name]
    assert store.search(Query(specifications=("soil-stocks",))).total == 1
    with database.reading() as connection:
        assert connection.exec_driver_sql("select account from portal_brought").scalar() == "jane"


def test_a_database_that_is_not_there_is_said_without_its_password(tmp_path):
    store = Catalogue(tmp_path, server="postgresql://somebody:secret@127.0.0.1:9/none")
    with pytest.raises(DataError, match="PostgreSQL that runs") as told:
        store.list()
    assert "secret" not in str(told.value) + repr(store) + repr(store.database)
    for wrong in ("mysql://somebody:secret@host/name", "secret", "sqlite://"):
        with pytest.raises(DataError, match="LANDSINK_DATABASE") as told:
            address(wrong)
        assert "secret" not in str(told.value)


def test_a_reader_sees_one_state_and_a_writer_is_alone(postgres):
    counter = sa.Table("counter_of_a_test", sa.MetaData(), sa.Column("n", sa.Integer))
    database = Database(postgres)
    with database.writing() as connection:
        counter.create(connection)
        connection.execute(sa.insert(counter).values(n=0))

    def work() -> None:
        for _ in range(10):
            with database.writing() as connection:
                held = connection.scalar(sa.select(counter.c.n))
                connection.execute(sa.update(counter).values(n=held + 1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    with database.reading() as connection:
        assert connection.scalar(sa.select(counter.c.n)) == 0
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert connection.scalar(sa.select(counter.c.n)) == 0
    with database.reading() as connection:
        assert connection.scalar(sa.select(counter.c.n)) == 40
        with pytest.raises(sa.exc.DBAPIError, match="read-only"):
            connection.execute(sa.insert(counter).values(n=1))


def test_a_claim_is_held_by_the_living(postgres, tmp_path):
    for database in (Database(postgres), Database.file(tmp_path / "a.sqlite")):
        assert not database.claimed("a")
        with database.claim("a"):
            assert database.claimed("a")
            assert not database.claimed("b")
        assert not database.claimed("a")


def test_a_doi_finds_the_newest_of_its_versions(tmp_path, in_folder):
    store = shelf(tmp_path)
    one = store.ingest(table(tmp_path, first=1), SOIL, said(doi="10.1234/ABC.d")).id
    for word in ("10.1234/abc.d", "doi:10.1234/ABC.d", "https://doi.org/10.1234/abc.d"):
        assert store.get(word).id == one
    with pytest.raises(UnknownName):
        store.get("10.1234/abc")
    assert re.fullmatch(r"[\w-]{24}", one)


def said_by(*words: str, server: str, home) -> subprocess.CompletedProcess:
    env = os.environ | {"LANDSINK_DATABASE": server, "LANDSINK_HOME": str(home)}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)
    line = "import landsink.cli.database as d; d.app()"
    return subprocess.run([sys.executable, "-c", line, *words], env=env, capture_output=True, text=True)


@pytest.mark.slow
def test_the_commands_make_the_tables_and_say_what_is_there(tmp_path, bare_postgres):
    before = said_by("database", "show", server=bare_postgres, home=tmp_path)
    assert (before.returncode, "landsink database upgrade" in before.stderr) == (3, True)
    made = said_by("database", "upgrade", server=bare_postgres, home=tmp_path)
    assert made.returncode == 0 and f"version {REVISION} are made (before: none)" in made.stdout, made.stderr
    shown = said_by("database", "show", "--json", server=bare_postgres, home=tmp_path)
    page = json.loads(shown.stdout)
    assert (page["engine"], page["version"], page["store"]) == ("postgresql", REVISION, str(tmp_path))
    embedded = said_by("database", "upgrade", server="", home=tmp_path)
    assert embedded.returncode == 2 and "nothing to do" in embedded.stderr
