"""Cite a data object: DataCite 4, schema.org JSON-LD, BibTeX, RIS and CSL-JSON, and a sentence."""

import json
import re
from collections.abc import Callable
from typing import Any

import pystac

from landsink.core.errors import unknown

PUBLISHER = "landsink"


def cite(item: pystac.Item, form: str) -> str:
    """An item's citation as `form`: text, bibtex, ris, csl, datacite or jsonld. UnknownName for another.

    Sources: DataCite Metadata Schema 4.5; schema.org/Dataset; BibTeX's @misc; the RIS format's DATA; CSL-JSON 1.0.
    """
    if form not in FORMS:
        raise unknown(form, FORMS, "the forms of citation")
    return FORMS[form](item)


def authors(item: pystac.Item) -> list[dict[str, str]]:
    """The creators: name, orcid, affiliation; empty where nobody is named."""
    return item.properties.get("landsink:creators", [])


def year(item: pystac.Item) -> str:
    """The year of publication: of the end of an embargo, or of the entry."""
    return str(item.properties.get("landsink:embargo") or item.properties["created"])[:4]


def address(item: pystac.Item) -> str:
    """The DOI as an address where there is one, else the identifier as a name."""
    doi = item.properties.get("sci:doi")
    return f"https://doi.org/{doi}" if doi else f"urn:landsink:{item.id}"


def datacite(item: pystac.Item) -> dict[str, Any]:
    """DataCite 4 JSON. Unknown creators are ':unav', as DataCite asks."""
    p = item.properties
    people = [_datacite_person(c) for c in authors(item)] or [{"name": ":unav"}]
    form = "Collection" if p.get("landsink:kind") == "collection" else "Dataset"
    dates = [{"date": p["created"][:10], "dateType": "Created"}]
    if p.get("start_datetime"):
        dates.append(
            {"date": f"{p['start_datetime'][:10]}/{p['end_datetime'][:10]}", "dateType": "Collected"}
        )
    if p.get("landsink:embargo"):
        dates.append({"date": p["landsink:embargo"][:10], "dateType": "Available"})
    made: dict[str, Any] = {
        "types": {
            "resourceType": p.get("landsink:specification") or p.get("landsink:kind", "run"),
            "resourceTypeGeneral": form,
        },
        "alternateIdentifiers": [
            {"alternateIdentifier": f"urn:landsink:{item.id}", "alternateIdentifierType": "URN"}
        ],
        "creators": people,
        "titles": [{"title": p["title"]}],
        "publisher": {"name": p.get("landsink:publisher", PUBLISHER)},
        "publicationYear": year(item),
        "subjects": [{"subject": s} for s in [*p.get("keywords", []), *p.get("landsink:variables", [])]],
        "dates": dates,
        "sizes": [
            f"{a.extra_fields['file:size']} bytes"
            for a in item.assets.values()
            if "file:size" in a.extra_fields
        ],
        "formats": sorted({a.media_type for a in item.assets.values() if a.media_type}),
        "rightsList": [_rights(p)],
        "descriptions": [{"description": p["description"], "descriptionType": "Abstract"}]
        if "description" in p
        else [],
        "relatedIdentifiers": _related(item),
        "schemaVersion": "http://datacite.org/schema/kernel-4",
    }
    if p.get("landsink:method"):
        made["descriptions"].append({"description": p["landsink:method"], "descriptionType": "Methods"})
    if item.bbox:
        edges = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude")
        made["geoLocations"] = [{"geoLocationBox": dict(zip(edges, item.bbox, strict=True))}]
    if p.get("sci:doi"):
        made["doi"] = p["sci:doi"]
    if p.get("landsink:funding"):
        made["fundingReferences"] = [{"funderName": p["landsink:funding"]}]
    return made


def schema_org(item: pystac.Item) -> dict[str, Any]:
    """schema.org's Dataset as JSON-LD, which search engines for data read."""
    p = item.properties
    made: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": address(item),
        "identifier": [item.id, *([f"https://doi.org/{p['sci:doi']}"] if p.get("sci:doi") else [])],
        "name": p["title"],
        "description": p.get("description", p["title"]),
        "license": _rights(p).get("rightsUri", p.get("license", "")),
        "creator": [_schema_person(c) for c in authors(item)],
        "publisher": {"@type": "Organization", "name": p.get("landsink:publisher", PUBLISHER)},
        "dateCreated": p["created"],
        "datePublished": str(p.get("landsink:embargo") or p["created"])[:10],
        "keywords": p.get("keywords", []),
        "variableMeasured": [_measured(n, p) for n in p.get("landsink:variables", [])],
        "distribution": [_distribution(a) for a in item.assets.values()],
        "isBasedOn": [str(s.target) for s in item.links if s.rel == "derived_from"],
    }
    if p.get("start_datetime"):
        made["temporalCoverage"] = f"{p['start_datetime']}/{p['end_datetime']}"
    if item.bbox:
        west, south, east, north = item.bbox
        box = f"{south:g} {west:g} {north:g} {east:g}"
        made["spatialCoverage"] = {"@type": "Place", "geo": {"@type": "GeoShape", "box": box}}
    if p.get("landsink:previous"):
        made["isBasedOn"].append(f"urn:landsink:{p['landsink:previous']}")
    return {k: v for k, v in made.items() if v not in ([], "")}


def bibtex(item: pystac.Item) -> str:
    """BibTeX's @misc, whose signs TeX would obey are escaped."""
    p = item.properties
    rows = {
        "title": "{" + _tex(p["title"]) + "}",
        "author": " and ".join(_tex(c["name"]) for c in authors(item)),
        "year": year(item),
        "publisher": _tex(p.get("landsink:publisher", PUBLISHER)),
        "doi": p.get("sci:doi", ""),
        "howpublished": "" if p.get("sci:doi") else f"\\url{{{address(item)}}}",
        "note": _tex(f"Data set, licence {p.get('license', '')}, sha256 {_hash(p)}"),
    }
    body = "".join(f"  {k} = {{{v}}},\n" for k, v in rows.items() if v)
    return f"@misc{{landsink-{item.id},\n{body}}}\n"


def ris(item: pystac.Item) -> str:
    """RIS, a tag a line."""
    p = item.properties
    rows = [
        ("TY", "DATA"),
        ("TI", p["title"]),
        *(("AU", c["name"]) for c in authors(item)),
        ("PY", year(item)),
        ("PB", p.get("landsink:publisher", PUBLISHER)),
        ("DO", p.get("sci:doi", "")),
        ("UR", address(item)),
        ("AN", item.id),
        *(("KW", k) for k in p.get("keywords", [])),
        ("AB", p.get("description", "")),
        ("ER", ""),
    ]
    return "".join(
        f"{tag}  - {' '.join(str(value).split())}\r\n" for tag, value in rows if value or tag == "ER"
    )


def csl(item: pystac.Item) -> dict[str, Any]:
    """CSL-JSON, which citation managers read."""
    p = item.properties
    made = {
        "id": f"landsink-{item.id}",
        "type": "dataset",
        "title": p["title"],
        "author": [_csl_person(c["name"]) for c in authors(item)],
        "issued": {"date-parts": [[int(year(item))]]},
        "publisher": p.get("landsink:publisher", PUBLISHER),
        "DOI": p.get("sci:doi", ""),
        "URL": address(item),
        "abstract": p.get("description", ""),
        "version": p.get("landsink:sha256", p.get("landsink:record", ""))[:12],
    }
    return {k: v for k, v in made.items() if v not in ("", [])}


def sentence(item: pystac.Item) -> str:
    """A sentence for a list of references; a run's own citation stands behind it."""
    p = item.properties
    people = "; ".join(c["name"] for c in authors(item))
    said = f"{people} ({year(item)}): " if people else ""
    behind = f" {p['sci:citation']}" if p.get("sci:citation") else ""
    when = "" if people else f", {year(item)}"
    return f"{said}{p['title']}{when}. {p.get('landsink:publisher', PUBLISHER)}. {address(item)}.{behind}"


def _json(form: Callable[[pystac.Item], Any]) -> Callable[[pystac.Item], str]:
    return lambda item: json.dumps(form(item), indent=1, ensure_ascii=False) + "\n"


FORMS: dict[str, Callable[[pystac.Item], str]] = {
    "text": lambda item: sentence(item) + "\n",
    "bibtex": bibtex,
    "ris": ris,
    "csl": _json(lambda item: [csl(item)]),
    "datacite": _json(datacite),
    "jsonld": _json(schema_org),
}


def _hash(p: dict[str, Any]) -> str:
    return p.get("landsink:sha256") or p.get("landsink:record", "")


def _names(name: str) -> tuple[str, str]:
    """Family and given names of 'Family, Given'; a group has no given name."""
    family, _, given = (part.strip() for part in name.partition(","))
    return family, given


def _datacite_person(creator: dict[str, str]) -> dict[str, Any]:
    family, given = _names(creator["name"])
    made: dict[str, Any] = {"name": creator["name"], "nameType": "Personal" if given else "Organizational"}
    if given:
        made |= {"familyName": family, "givenName": given}
    if creator.get("orcid"):
        made["nameIdentifiers"] = [
            {
                "nameIdentifier": f"https://orcid.org/{creator['orcid']}",
                "nameIdentifierScheme": "ORCID",
                "schemeUri": "https://orcid.org",
            }
        ]
    if creator.get("affiliation"):
        made["affiliation"] = [{"name": creator["affiliation"]}]
    return made


def _schema_person(creator: dict[str, str]) -> dict[str, Any]:
    family, given = _names(creator["name"])
    made: dict[str, Any] = {"@type": "Person" if given else "Organization", "name": creator["name"]}
    if given:
        made |= {"familyName": family, "givenName": given}
    if creator.get("orcid"):
        made["@id"] = f"https://orcid.org/{creator['orcid']}"
    if creator.get("affiliation"):
        made["affiliation"] = {"@type": "Organization", "name": creator["affiliation"]}
    return made


def _csl_person(name: str) -> dict[str, str]:
    family, given = _names(name)
    return {"family": family, "given": given} if given else {"literal": family}


def _rights(p: dict[str, Any]) -> dict[str, str]:
    name = p.get("license", "other")
    if name == "other":
        return {"rights": p.get("landsink:rights", "other")}
    uri = f"https://spdx.org/licenses/{name}.html"
    return {
        "rights": name,
        "rightsIdentifier": name,
        "rightsIdentifierScheme": "SPDX",
        "rightsUri": uri,
        "schemeUri": "https://spdx.org/licenses/",
    }


def _related(item: pystac.Item) -> list[dict[str, str]]:
    def row(name: str, relation: str) -> dict[str, str]:
        return {
            "relatedIdentifier": f"urn:landsink:{name}",
            "relatedIdentifierType": "URN",
            "relationType": relation,
        }

    p = item.properties
    rows = [row(m, "HasPart") for m in p.get("landsink:members", [])]
    rows += [row(p["landsink:previous"], "IsNewVersionOf")] if p.get("landsink:previous") else []
    # A run's inputs are files without an identifier of ours; only catalogued objects can be pointed at.
    held = [str(s.target) for s in item.links if s.rel == "derived_from" and "landsink:format" in p]
    return rows + [row(name, "IsDerivedFrom") for name in held]


def _measured(name: str, p: dict[str, Any]) -> dict[str, str]:
    facts = p.get("landsink:columns", {}).get(name, {})
    made = {
        "@type": "PropertyValue",
        "name": name,
        "unitText": facts.get("unit", ""),
        "description": facts.get("description", ""),
    }
    return {k: v for k, v in made.items() if v}


def _distribution(asset: pystac.Asset) -> dict[str, Any]:
    made = {
        "@type": "DataDownload",
        "name": asset.title or "",
        "encodingFormat": asset.media_type or "",
        "contentSize": f"{asset.extra_fields['file:size']} B" if "file:size" in asset.extra_fields else "",
        "sha256": asset.extra_fields.get("file:checksum", "")[4:],
    }
    return {k: v for k, v in made.items() if v}


def _tex(text: str) -> str:
    plain = text.replace("\\", "\\textbackslash ")
    return (
        re.sub(r"([&%$#_{}])", r"\\\1", plain)
        .replace("~", "\\textasciitilde ")
        .replace("^", "\\textasciicircum ")
    )
