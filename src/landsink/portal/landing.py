"""The landing page of an object: for people a page, for machines the form that they accept."""

import html
import json
from collections.abc import Sequence

import pystac
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from landsink.catalogue import cite
from landsink.core.errors import UnknownName
from landsink.portal.context import Address, Context, Here
from landsink.portal.objects import MEDIA
from landsink.portal.pages import shell
from landsink.portal.problems import WORDS, Refusal, answers, outward
from landsink.portal.records import Name, json_ld, licence_address, whole
from landsink.portal.security import asked_by

router = APIRouter(tags=["objects"])

PAGE = "text/html"
# What may be accepted, the first where anything is; and the form of citation that answers.
FORMS = {
    PAGE: "",
    "application/json": "",
    "application/geo+json": "",
    "application/ld+json": "jsonld",
    "application/x-bibtex": "bibtex",
    "application/x-research-info-systems": "ris",
    "application/vnd.citationstyles.csl+json": "csl",
    "application/vnd.datacite.datacite+json": "datacite",
    "text/plain": "text",
}


@router.get(
    "/objects/{id}",
    operation_id="landing_page",
    response_class=Response,
    responses=answers(406, 422)
    | {
        404: {"description": WORDS[404], "content": answers(404)[404]["content"] | {PAGE: {}}},
        200: {"description": "A page, or what Accept asks for.", "content": {media: {} for media in FORMS}},
    },
)
def landing(id: Name, here: Here, base: Address, request: Request) -> Response:
    """An object's landing page, or its description or citation in the form that Accept prefers."""
    form = preferred(request.headers.get("accept", "*/*"), tuple(FORMS))
    if form is None:
        raise Refusal(406, "No form that is accepted can be given.", ", ".join(FORMS))
    try:
        item = here.catalogue.get(id)
    except UnknownName as error:
        if form != PAGE:
            raise
        said = outward(error, str(here.catalogue.root))
        return shell(here.settings.page, title=f"landsink: {said.found}", status=404)
    headers = {"Link": _signposts(here, item, base), "Vary": "Accept"}
    if form == PAGE:
        if request.method == "GET":
            here.usage.count(item.id, "view", asked_by(request), request.headers.get("user-agent", ""))
        answer = shell(here.settings.page, _head(here, item, base), f"{item.properties['title']} – landsink")
    elif form == "application/ld+json":
        answer = JSONResponse(json_ld(here, item, base), media_type=form)
    elif FORMS[form]:
        answer = Response(cite(item, FORMS[form]), media_type=MEDIA[FORMS[form]])
    else:
        answer = JSONResponse(whole(here, item, base), media_type=form)
    answer.headers.update(headers)
    return answer


router.add_api_route("/objects/{id}", landing, methods=["HEAD"], include_in_schema=False)


def preferred(accept: str, offers: Sequence[str]) -> str | None:
    """The offer that an Accept header prefers (RFC 9110, 12.5.1); None where it accepts none."""
    ranges = []
    for part in accept.split(",")[:50]:
        media, *rest = (word.strip().lower() for word in part.split(";"))
        quality = next((word[2:] for word in rest if word.startswith("q=")), "1")
        try:
            ranges.append((media, min(max(float(quality), 0.0), 1.0)))
        except ValueError:
            continue
    best, most = None, 0.0
    for offer in offers:
        # The most exact range that fits an offer decides about it.
        fits = [
            (media.count("*"), q)
            for media, q in ranges
            if media in (offer, offer.split("/")[0] + "/*", "*/*")
        ]
        quality = min(fits, key=lambda f: f[0])[1] if fits else 0.0
        if quality > most:
            best, most = offer, quality
    return best


def _head(here: Context, item: pystac.Item, base: str) -> str:
    # Written so that no word in a description can end the element that holds it.
    data = json.dumps(json_ld(here, item, base), ensure_ascii=False).replace("<", "\\u003c")
    about = html.escape(str(item.properties.get("description") or item.properties["title"])[:300])
    address = html.escape(f"{base}/objects/{item.id}")
    return (
        f'<link rel="canonical" href="{address}"><meta name="description" content="{about}">'
        f'<script type="application/ld+json">{data}</script>'
    )


def _signposts(here: Context, item: pystac.Item, base: str) -> str:
    """Links by which a machine finds its way (FAIR Signposting, level 1)."""
    own, doi = f"{base}/api/objects/{item.id}", item.properties.get("sci:doi")
    links = [
        (f"https://doi.org/{doi}" if doi else f"{base}/objects/{item.id}", 'rel="cite-as"'),
        ("https://schema.org/Dataset", 'rel="type"'),
        ("https://schema.org/AboutPage", 'rel="type"'),
    ]
    for form in ("jsonld", "datacite", "bibtex", "csl"):
        links.append((f"{own}/citation?form={form}", f'rel="describedby"; type="{MEDIA[form]}"'))
    links.append((own, 'rel="describedby"; type="application/geo+json"'))
    if here.catalogue.embargoed(item) is None:
        for key, asset in item.assets.items():
            media = f'; type="{asset.media_type}"' if asset.media_type else ""
            links.append((f"{own}/data?asset={key}", f'rel="item"{media}'))
    if licence := licence_address(item):
        links.append((licence, 'rel="license"'))
    for creator in item.properties.get("landsink:creators", []):
        if creator.get("orcid"):
            links.append((f"https://orcid.org/{creator['orcid']}", 'rel="author"'))
    return ", ".join(f"<{href}>; {rest}" for href, rest in links)
