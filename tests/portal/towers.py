"""Stations of three domains made up for tests: a tower, an air station, a ship in two versions."""

from pathlib import Path

from landsink import case
from landsink.catalogue import Catalogue
from landsink.catalogue.station_item import Terms, enter
from landsink.stations.flux.stage import Settings, quiet
from tests.case import station_files as made
from tests.case.test_station import table

PLACE = {"latitude": 51.0, "longitude": 15.0, "utc_offset": 1.0}
DAYS = 40


def process(path: Path, out: Path, **asked: object):
    """A station's file to its folder, with as few draws as there can be."""
    return case.station(case.StationFiles(path, **asked), out, Settings(draws=2, percentiles=2), quiet)


def fill(catalogue: Catalogue, folder: Path) -> dict[str, str]:
    """Makes the files in `folder`, processes and enters them; identifiers of tower, air, old, and ship (the newer)."""
    folder.mkdir(parents=True, exist_ok=True)
    table(days=DAYS).to_csv(folder / "AA-Aaa_HH.csv", index=False)
    found = {
        "tower": process(folder / "AA-Aaa_HH.csv", folder / "tower", **PLACE),
        "air": process(made.months(folder), folder / "air"),
        "old": process(made.cruise(folder), folder / "old", site="AA2019"),
        "ship": process(folder / "cruise.csv", folder / "ship", site="AA2019", fco2_error=2.0),
    }
    return {name: enter(catalogue, one.folder, Terms("CC-BY-4.0")).id for name, one in found.items()}
