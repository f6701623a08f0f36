"""Cases: a TOML page that maps one to one to constructors, and the only room that knows all rooms."""

import lazy_loader

# Lazy, so that a server that offers experiments does not wait for what stations and fits are computed with. No module
# is called as a function of its own: the module would take the name as soon as it is loaded.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "changes",
        "compose",
        "experiment",
        "growing",
        "page",
        "pipeline",
        "serving",
        "station_folder",
        "station_page",
        "station_record",
        "station_tower",
    ],
    submod_attrs={
        "extension": ["update"],
        "inspect": ["check", "examine", "explain"],
        "page": ["Case", "load"],
        "pipeline": ["run"],
        "publication": ["Apart", "publish_object"],
        "serving": ["Processes", "publish_missing"],
        "shelf": [
            "cite",
            "detail",
            "draw",
            "export",
            "found",
            "ingest",
            "listing",
            "product",
            "products",
            "query",
            "score",
            "scoreboard",
            "search",
            "verify",
        ],
        "station_run": [
            "StationFiles",
            "StationSettings",
            "check_terms",
            "convention",
            "enter_station",
            "statement",
            "station",
            "station_facts",
        ],
    },
)
