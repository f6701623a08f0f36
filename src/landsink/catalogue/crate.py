"""An object as a folder of its own: bytes, RO-Crate with W3C PROV, and its citation in every form."""

import json
import shutil
from pathlib import Path
from typing import Any

import pystac

from landsink.catalogue.citation import address, authors, cite, year
from landsink.catalogue.store import Catalogue
from landsink.core.errors import DataError

CRATE = "https://w3id.org/ro/crate/1.1"
PAGE = "ro-crate-metadata.json"
PROCESS = "https://w3id.org/ro/wfrun/process/0.5"
ENDINGS = {
    "text": "txt",
    "bibtex": "bib",
    "ris": "ris",
    "csl": "csl.json",
    "datacite": "datacite.json",
    "jsonld": "jsonld",
}


def write_crate(catalogue: Catalogue, name: str, folder: Path) -> Path:
    """Write the object `name` into `folder`, which must be new or empty; returns its ro-crate-metadata.json.

    Bytes under embargo are left out, and the crate says so. Raises DataError where the folder is not empty or bytes
    are gone.
    Sources: RO-Crate 1.1; Process Run Crate 0.5; W3C PROV-JSON (submission of 2013).
    """
    _claim(folder)
    texts, parts = pages(catalogue, name)
    for inner, source in parts.items():
        if source.is_dir():
            shutil.copytree(source, folder / inner)
        else:
            shutil.copy(source, folder / inner)
    # The crate's own page comes last: a folder with it is a whole crate.
    for inner, text in texts.items():
        (folder / inner).write_text(text, "utf-8", newline="")
    return folder / PAGE


def pages(catalogue: Catalogue, name: str) -> tuple[dict[str, str], dict[str, Path]]:
    """What a crate of the object `name` is made of: texts by name, its own page last; and bytes, where they lie here.

    Raises DataError where bytes are gone.
    """
    item = catalogue.get(name)
    held = bool(catalogue.embargoed(item))
    parts = {} if held else {key: _part(catalogue, item, key) for key in sorted(item.assets)}
    texts = {f"citation.{ending}": cite(item, form) for form, ending in ENDINGS.items()}
    record = made_by(catalogue, item)
    texts["prov.json"] = _json(prov(catalogue, item, record))
    texts[PAGE] = _json(_crate(catalogue, item, parts, record, held))
    return texts, {path.name: path for path in parts.values()}


def made_by(catalogue: Catalogue, item: pystac.Item) -> dict[str, Any]:
    """The record that made a run: case, code, inputs. Empty for what was taken in, or where its folder is gone."""
    if "record" not in item.assets:
        return {}
    try:
        page = json.loads(catalogue.asset(item, "record").read_text("utf-8"))
    except (OSError, DataError):
        return {}
    # A run that was extended keeps the page of its first record, which did not make the rest.
    return page if page.get("hash") == item.properties["landsink:record"] else {}


def prov(catalogue: Catalogue, item: pystac.Item, record: dict[str, Any]) -> dict[str, Any]:
    """W3C PROV-JSON: what the object was derived from down to raw files, the activity, the software, the people."""
    made: dict[str, Any] = {
        "prefix": {
            "landsink": "urn:landsink:",
            "sha256": "urn:sha256:",
            "prov": "http://www.w3.org/ns/prov#",
        },
        "entity": {},
        "wasDerivedFrom": {},
    }
    _entity(made, catalogue.lineage(item.id))
    me = f"landsink:{item.id}"
    if record:
        run, code = f"landsink:run-{item.id}", "landsink:software"
        made["activity"] = {
            run: {"prov:type": "landsink run", "landsink:record": item.properties["landsink:record"]}
        }
        made["agent"] = {
            code: {
                "prov:type": {"$": "prov:SoftwareAgent", "type": "xsd:QName"},
                "landsink:version": record["code"],
            }
        }
        made["wasGeneratedBy"] = {"_:g1": {"prov:entity": me, "prov:activity": run}}
        made["wasAssociatedWith"] = {"_:a1": {"prov:activity": run, "prov:agent": code}}
        used = [
            d["prov:usedEntity"] for d in made["wasDerivedFrom"].values() if d["prov:generatedEntity"] == me
        ]
        made["used"] = {f"_:u{n}": {"prov:activity": run, "prov:entity": e} for n, e in enumerate(used, 1)}
    for n, creator in enumerate(authors(item), 1):
        who = f"landsink:creator-{item.id}-{n}"
        made.setdefault("agent", {})[who] = {
            "prov:label": creator["name"],
            "landsink:orcid": creator.get("orcid", ""),
        }
        made.setdefault("wasAttributedTo", {})[f"_:t{n}"] = {"prov:entity": me, "prov:agent": who}
    if not made["wasDerivedFrom"]:
        del made["wasDerivedFrom"]
    return made


def _entity(made: dict[str, Any], node: dict[str, Any]) -> str:
    """Enter a node of a lineage and all below it; returns its name."""
    if "id" in node:
        name = f"landsink:{node['id']}"
        made["entity"][name] = {
            "prov:label": node["title"],
            "landsink:sha256": node["sha256"] or node["record"],
        }
    else:
        name = f"sha256:{node['sha256']}" if node["sha256"] else f"landsink:file-{len(made['entity'])}"
        made["entity"][name] = {"prov:label": node["name"]}
    for below in node.get("uses", []):
        source = _entity(made, below)
        link = {"prov:generatedEntity": name, "prov:usedEntity": source}
        if link not in made["wasDerivedFrom"].values():
            made["wasDerivedFrom"][f"_:d{len(made['wasDerivedFrom']) + 1}"] = link
    return name


def _crate(
    catalogue: Catalogue, item: pystac.Item, parts: dict[str, Path], record: dict[str, Any], held: bool
) -> dict[str, Any]:
    p = item.properties
    files = [_file(item.assets[key], path) for key, path in parts.items()]
    sides = [
        {"@id": f"citation.{e}", "@type": "File", "name": f"Citation as {f}"} for f, e in ENDINGS.items()
    ]
    sides.append(
        {
            "@id": "prov.json",
            "@type": "File",
            "name": "Provenance as PROV-JSON",
            "encodingFormat": "application/json",
        }
    )
    sources = [_source(node) for node in catalogue.lineage(item.id)["uses"]]
    people = [_person(c, n) for n, c in enumerate(authors(item), 1)]
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "identifier": address(item),
        "name": p["title"],
        "description": p.get("description", p["title"]),
        "datePublished": str(p.get("landsink:embargo") or p["created"])[:10],
        "license": _licence(p),
        "creator": [{"@id": c["@id"]} for c in people],
        "hasPart": [{"@id": f["@id"]} for f in [*files, *sides]],
        "creditText": cite(item, "text").strip(),
        "copyrightYear": year(item),
    }
    if held:
        root["conditionsOfAccess"] = (
            f"Under embargo until {p['landsink:embargo'][:10]}: the bytes are left out."
        )
    graph = [_descriptor(bool(record)), root, *files, *sides, *people, *sources]
    if record:
        root["conformsTo"] = {"@id": PROCESS}
        root["mentions"] = {"@id": "#run"}
        graph += _run(item, record, files, sources)
    return {"@context": f"{CRATE}/context", "@graph": graph}


def _descriptor(process: bool) -> dict[str, Any]:
    said = {"@id": CRATE}
    return {
        "@id": PAGE,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": [said, {"@id": PROCESS}] if process else said,
    }


def _run(
    item: pystac.Item, record: dict[str, Any], files: list[dict[str, Any]], sources: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    action = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"landsink run {record['case'].get('title', '')}".strip(),
        "instrument": {"@id": "#landsink"},
        "object": [{"@id": s["@id"]} for s in sources],
        "result": [{"@id": f["@id"]} for f in files],
        "identifier": item.properties["landsink:record"],
        "endTime": item.properties["created"],
    }
    code = {
        "@id": "#landsink",
        "@type": "SoftwareApplication",
        "name": "landsink",
        "version": record["code"],
    }
    return [
        action,
        code,
        {"@id": PROCESS, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
    ]


def _file(asset: pystac.Asset, path: Path) -> dict[str, Any]:
    folder = path.is_dir()
    made = {
        "@id": path.name + ("/" if folder else ""),
        "@type": "Dataset" if folder else "File",
        "name": asset.title or path.name,
        "contentSize": str(asset.extra_fields.get("file:size", "")),
        "encodingFormat": asset.media_type or "",
        "sha256": asset.extra_fields.get("file:checksum", "")[4:],
    }
    return {k: v for k, v in made.items() if v}


def _source(node: dict[str, Any]) -> dict[str, Any]:
    name = (
        f"urn:landsink:{node['id']}"
        if "id" in node
        else f"urn:sha256:{node['sha256'] or 'unknown'}#{node['name']}"
    )
    return {
        "@id": name,
        "@type": "CreativeWork",
        "name": node.get("title", node.get("name", "")),
        "sha256": node.get("sha256", ""),
    }


def _person(creator: dict[str, str], number: int) -> dict[str, Any]:
    who = f"https://orcid.org/{creator['orcid']}" if creator.get("orcid") else f"#creator-{number}"
    made = {
        "@id": who,
        "@type": "Person" if "," in creator["name"] else "Organization",
        "name": creator["name"],
    }
    return made | ({"affiliation": creator["affiliation"]} if creator.get("affiliation") else {})


def _licence(p: dict[str, Any]) -> Any:
    name = p.get("license", "other")
    return (
        p.get("landsink:rights", "other")
        if name == "other"
        else {"@id": f"https://spdx.org/licenses/{name}.html"}
    )


def _part(catalogue: Catalogue, item: pystac.Item, key: str) -> Path:
    source = catalogue.asset(item, key)
    if not source.exists():
        raise DataError(
            f"{source} of '{item.id}' is gone.", "The bytes of the object.", "See 'landsink verify'."
        )
    return source


def _claim(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} is not empty.", "A new folder.", "Choose another.")
    folder.mkdir(parents=True, exist_ok=True)


def _json(page: dict[str, Any]) -> str:
    return json.dumps(page, indent=1, ensure_ascii=False) + "\n"
