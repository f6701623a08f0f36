"""The ICOS Carbon Portal: stations, data objects, files.

Metadata are open. Data come with the user's own token or after the user accepted the licence in so many words; this
module never accepts anything by itself.
"""

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

from landsink.core.errors import DataError, LandsinkError, UnknownName, near, unknown
from landsink.core.home import home
from landsink.sources.icos import query
from landsink.sources.icos.client import Answer, Client, Refused, Unreachable, host
from landsink.sources.icos.login import HOW, LICENCE, Token, token
from landsink.sources.icos.query import DataObject, Datatype, Row, Station, object_id
from landsink.sources.icos.shelf import Kept, Progress, Shelf

META = "https://meta.icos-cp.eu"
DATA = "https://data.icos-cp.eu"


class OldAnswer(UserWarning):
    """The portal could not be asked, and its last answer stands in."""


class Superseded(UserWarning):
    """A version that the portal has replaced is being used."""


@dataclass(frozen=True)
class Icos:
    """The portal, with a shelf at `home` (by default in LANDSINK_HOME or the user's data folder).

    `token` is what the account page of https://cpauth.icos-cp.eu shows (or the environment's ICOS_TOKEN);
    `accept_licence=True` says that you have read and accept https://data.icos-cp.eu/licence. Either opens the data.
    `offline` asks nobody and uses what the shelf holds. `meta` and `data` are the services' addresses.
    """

    token: Token | str | None = field(default=None, repr=False)
    accept_licence: bool = False
    home: Path | str | None = None
    offline: bool = False
    client: Client = Client()
    meta: str = META
    data: str = DATA

    @property
    def shelf(self) -> Shelf:
        """Where files and answers are kept."""
        return Shelf(
            Path(self.home) if self.home else home() / "icos",
            tries=self.client.tries,
            pause=self.client.pause,
        )

    def stations(self, theme: str | None = None, members_only: bool = True) -> list[Station]:
        """ICOS stations, of a theme (`ecosystem`, `atmosphere`, `ocean`, or ES, AS, OS) or all.

        With `members_only` off and no theme, every station that the portal knows. Raises UnknownName (theme),
        Unreachable.
        """
        code = query.theme_class(theme) if theme else None
        return query.stations(self._all(query.stations_query(code, members_only)))

    def datatypes(self) -> list[Datatype]:
        """The kinds of data objects that there are."""
        return query.datatypes(self._all(query.datatypes_query()))

    def objects(
        self, station: str | Sequence[str] = (), datatype: str | Sequence[str] = (), newest: bool = True
    ) -> list[DataObject]:
        """Data objects of stations (DE-Tha, ES_DE-Tha or an address) and datatypes (etcL2Fluxnet or an address).

        At least one of the two. `newest` leaves out what was replaced; without it such objects come too, marked
        `superseded`. Raises UnknownName, with near misses, for what there is not, and Unreachable.
        """
        names, kinds = _several(station), _several(datatype)
        if not names and not kinds:
            raise LandsinkError(
                "Neither a station nor a datatype.", "One of them: the portal holds millions of objects."
            )
        places = [uri for name in names for uri in self._addresses(name)]
        specs = [kind if "://" in kind else query.SPECS + kind for kind in kinds]
        found = query.objects(self._all(query.objects_query(places, specs, newest=newest)))
        if not found:
            self._known(names, kinds)
        return found

    def object(self, pid: str) -> DataObject:
        """What the portal says of one object, by id, PID or address; also of one that was replaced.

        Raises UnknownName where there is none, Unreachable.
        """
        key = object_id(pid)
        found = query.objects(self._all(query.objects_query(ids=[key], newest=False)))
        if not found:
            raise UnknownName(f"The portal knows no data object {key}.", remedy="Is the PID right?")
        return found[0]

    def newest(self, item: DataObject | str) -> list[DataObject]:
        """The versions that stand for an object today: itself where nothing replaced it, several where it was split."""
        key = item.id if isinstance(item, DataObject) else object_id(item)
        ids = [object_id(row["object"]) for row in self._all(query.successors_query(key))]
        return query.objects(self._all(query.objects_query(ids=ids or [key], newest=False)))

    def fetch(self, item: DataObject | str, progress: Progress | None = None, verify: bool = False) -> Path:
        """The file of an object (or of its id, PID or address), from the shelf or else from the portal.

        What was fetched once needs no network. A download is checked by SHA-256 and goes on where an earlier one broke
        off; `progress(done, total)` hears of bytes; `verify` sums up again what lies on the shelf. Raises Refused (no
        token and no licence accepted, token ended), Unreachable, DataError (not what the portal promised), and
        LandsinkError (disk full).
        """
        key = item.id if isinstance(item, DataObject) else object_id(item)
        if kept := self.shelf.find(key, verify):
            return kept.path
        if self.offline:
            raise Unreachable(
                f"{key} is not on the shelf at {self.shelf.root}.",
                remedy="Fetch it once without offline=True.",
            )
        login = self._login()
        known = item if isinstance(item, DataObject) else self.object(key)
        if known.superseded:
            warnings.warn(
                f"{known.name} ({known.pid}) was replaced by a newer version: Icos.newest('{known.id}').",
                Superseded,
                stacklevel=2,
            )
        licence = f"accepted by the user: {LICENCE}" if self.accept_licence else "by the account of the token"
        return self.shelf.keep(known, partial(self._open, known, login), progress, licence).path

    def kept(self) -> list[Kept]:
        """Everything on the shelf."""
        return self.shelf.all()

    def citation(self, objects: DataObject | Iterable[DataObject | str]) -> str:
        """How to cite objects, one a line, each once, in their order; ids are sought on the shelf, then asked for."""
        several = [objects] if isinstance(objects, DataObject) else objects
        known = [o if isinstance(o, DataObject) else self._described(o) for o in several]
        return "\n".join(dict.fromkeys(cite(o) for o in known))

    def _described(self, pid: str) -> DataObject:
        kept = self.shelf.find(object_id(pid))
        return kept.object if kept else self.object(pid)

    def _login(self) -> Token | None:
        """The token, if there is one. Raises Refused where it has ended, or there is neither token nor consent."""
        known = token(self.token)
        if known:
            known.check()
        if known is None and self.accept_licence is not True:
            raise Refused("ICOS gives data to those who accept its licence.", "A token or your consent.", HOW)
        return known

    def _open(self, item: DataObject, login: Token | None, start: int) -> Answer:
        """An object's bytes from `start` on."""
        base = self.data.rstrip("/")
        ids = quote(json.dumps([item.id], separators=(",", ":")))
        path = f"licence_accept?ids={ids}" if self.accept_licence else f"objects/{item.id}"
        headers: Mapping[str, str] = {"Range": f"bytes={start}-"} if start else {}
        answer = self.client.open(f"{base}/{path}", login.cookies if login else None, headers=headers)
        if answer.is_page and not item.name.lower().endswith((".html", ".htm")):
            answer.close()
            raise _page(answer, item)
        return answer

    def _all(self, text: str) -> list[Row]:
        """All rows of a query, page by page."""
        found: list[Row] = []
        while True:
            some = query.rows(self._answer(f"{text}\nLIMIT {query.PAGE} OFFSET {len(found)}"))
            found += some
            if len(some) < query.PAGE:
                return found

    def _answer(self, text: str) -> bytes:
        last = self.shelf.answer(f"{self.meta}\n{text}")
        if self.offline:
            if last is None:
                raise Unreachable("This was never asked before.", remedy="Ask it once without offline=True.")
            return last[0]
        try:
            _, body = self.client.read(
                f"{self.meta.rstrip('/')}/sparql",
                form={"query": text},
                headers={"Accept": "application/json"},
            )
        except Unreachable as err:
            if last is None:
                raise
            warnings.warn(f"{err} Using the portal's answer of {last[1]:%Y-%m-%d}.", OldAnswer, stacklevel=4)
            return last[0]
        query.rows(body)  # nothing is remembered that is no answer
        with suppress(OSError):  # an answer that cannot be kept is an answer still
            self.shelf.remember(f"{self.meta}\n{text}", body)
        return body

    def _addresses(self, name: str) -> list[str]:
        """The addresses of a station: ICOS and other networks may each hold some of its objects."""
        if "://" in name:
            return [name]
        if query.PREFIX.match(name):
            return [query.STATIONS + name]
        found = [row["station"] for row in self._all(query.station_query(name))]
        if not found:
            raise unknown(name, {s.id for s in self.stations(members_only=False)}, "the portal's stations")
        return found

    def _known(self, names: Sequence[str], kinds: Sequence[str]) -> None:
        """Raises UnknownName for stations and datatypes that do not exist: an empty answer alone would not tell."""
        prefixed = [name for name in names if query.PREFIX.match(name) or "://" in name]
        if prefixed:
            stations = {s.uri.rsplit("/", 1)[-1] for s in self.stations(members_only=False)}
            for name in prefixed:
                if (last := name.rsplit("/", 1)[-1]) not in stations:
                    raise unknown(last, stations, "the portal's stations")
        if kinds:
            types = {t.uri: t.name for t in self.datatypes()}
            for kind in kinds:
                if kind not in types and kind not in types.values():
                    raise UnknownName(f"'{kind}' is no datatype.", remedy=near(kind, types.values()))


def cite(item: DataObject) -> str:
    """One object's citation: the portal's own words, or where it has none the name and the persistent identifier."""
    text = item.citation.strip() or f"ICOS RI, {item.submitted[:4]}. {item.name}"
    known = item.pid in text
    return text if known else f"{text.rstrip('.')}. {item.url}"


def _several(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _page(answer: Answer, item: DataObject) -> Refused | DataError:
    """The error for a page instead of a file."""
    if urlsplit(answer.url).path.rstrip("/").endswith("/licence"):
        return Refused(
            f"{host(answer.url)} asks for its licence to be accepted before it gives {item.name}.",
            "A licence accepted in your account's profile, a token that is still valid, or your consent.",
            HOW,
        )
    return DataError(
        f"{host(answer.url)} answered with a page instead of {item.name}.",
        "The file.",
        f"Something stands between (a proxy's login?), or the address changed: look at {item.url}.",
    )
