"""The map's page and its parts, which come built with landsink; and plain pages where they did not."""

import gzip
import html
import re
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from landsink.portal.context import Here

router = APIRouter(include_in_schema=False)

# Names that bear a hash of their content never mean anything else.
HASHED = re.compile(r"assets/.+-[A-Za-z0-9_-]{8}\.[a-z0-9]+$")
FOREVER = "public, max-age=31536000, immutable"
ANEW = "no-cache"
TEXTS = (".js", ".mjs", ".css", ".json", ".svg", ".html", ".map", ".txt", ".wasm", ".webmanifest")
SHELL = ("/", "/search", "/stations", "/stations/{rest:path}", "/jobs", "/jobs/{rest:path}", "/about")
UNBUILT = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>landsink</title></head><body>
<h1>landsink</h1><p>The server runs, but its map was not built. From a source checkout, build it once:</p>
<pre>cd web &amp;&amp; npm ci &amp;&amp; npm run build</pre>
<p>An installed landsink brings the map along. The interface for programs works without it:
<a href="/api/docs">what may be asked</a>, <a href="/api/objects">data objects</a>, <a href="/api/stac">STAC</a>.</p>
</body></html>"""


def shell(page: Path, head: str = "", title: str = "", status: int = 200) -> Response:
    """The page of the map, with a title and more in its head; a plain page where the map was not built."""
    try:
        text = (page / "index.html").read_text("utf-8")
    except OSError:
        return HTMLResponse(UNBUILT.replace("</head>", f"{head}</head>"), 503 if status == 200 else status)
    if title:
        # A function, so that nothing in a title is read as a group of the pattern.
        text = re.sub(
            r"<title>.*?</title>", lambda _: f"<title>{html.escape(title)}</title>", text, count=1, flags=re.S
        )
    return HTMLResponse(text.replace("</head>", f"{head}</head>", 1), status, {"Cache-Control": ANEW})


def _index(here: Here) -> Response:
    return shell(here.settings.page)


for _path in SHELL:
    router.add_api_route(_path, _index, methods=["GET", "HEAD"])


@router.api_route("/api/{rest:path}", methods=["GET", "HEAD"])
def nothing(rest: str) -> JSONResponse:
    """What begins with /api and is no route."""
    raise HTTPException(404, f"'/api/{rest[:80]}' is not asked for here.")


@router.api_route("/{rest:path}", methods=["GET", "HEAD"])
async def part(rest: str, request: Request, here: Here) -> Response:
    """A part of the map: scripts, styles, fonts, borders."""
    files = StaticFiles(directory=here.settings.page, check_dir=False)
    try:
        found = await files.get_response(
            files.get_path({"path": f"/{rest}", "root_path": ""} | {}), request.scope
        )
    except (HTTPException, ValueError, OSError):
        # Somebody who followed an old link reads the map's own page, in their language; a program reads a few words.
        reader = "text/html" in request.headers.get("accept", "") and "." not in rest.rsplit("/", 1)[-1]
        return shell(here.settings.page, status=404) if reader else HTMLResponse(_missing(), 404)
    found.headers["Cache-Control"] = FOREVER if HASHED.fullmatch(rest) else ANEW
    place = files.lookup_path(rest)[0]
    wants = "gzip" in request.headers.get("accept-encoding", "") and "range" not in request.headers
    if found.status_code != 200 or not rest.endswith(TEXTS) or not wants:
        return found
    facts = Path(place).stat()
    headers = {n: found.headers[n] for n in ("cache-control", "last-modified") if n in found.headers}
    headers |= {"ETag": found.headers["etag"].rstrip('"') + '-gz"', "Vary": "Accept-Encoding"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    packed = _packed(place, facts.st_mtime_ns, facts.st_size)
    return Response(packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=found.media_type)


@lru_cache(maxsize=128)
def _packed(place: str, changed: int, size: int) -> bytes:
    # Packed once for all visitors; another time or size of the file makes another entry.
    del changed, size
    return gzip.compress(Path(place).read_bytes(), 8, mtime=0)


def _missing() -> str:
    return """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Not found</title></head><body>
<h1>There is no such page</h1><p><a href="/">To the map</a>, <a href="/search">search</a>.</p></body></html>"""
