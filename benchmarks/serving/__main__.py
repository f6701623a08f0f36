"""What serving costs on one core, beside titiler and xpublish over the same bytes, in one run.

    python -m benchmarks.serving [--peers PYTHON] [--steps 360] [--users 50] [--seconds 60] [--quick]

A cube of GENERATED values, 0.25 degrees and 360 months, is published as a release (`--keep DIR` keeps it for the
next run). Every server stands on one core, the questions come from the other. A map step is what a browser needs to
draw the next month of the whole world: one frame for landsink, the tiles of a 1280x800 view for titiler, the cube of
one step for xpublish. Processor time is the server's own, by the system's count.
"""

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.serving.cube import NAME, SPAN, publish
from benchmarks.serving.load import Answer, Ask, cost, crowd, server
from landsink.catalogue import Catalogue
from landsink.catalogue.releases import Releases

LANDSINK, TITILER, XPUBLISH = 8451, 8452, 8453
TARGETS = {"map step": 3.0, "point series": 2.5, "country statistics": 50.0}  # ms of processor
TILES = [
    (3, x, y) for x in range(7) for y in range(1, 6)
]  # what 1280x800 pixels show of the world at this zoom
COUNTRIES = ("FRA", "DEU", "BRA", "FIN", "CAN", "USA", "AUS", "COD")
HERE = Path(__file__).parent


def places(count: int) -> list[tuple[float, float]]:
    """Longitudes and latitudes on the Earth's lands and seas, always the same."""
    draw = random.Random(1)
    return [(draw.uniform(-179, 179), draw.uniform(-55, 70)) for _ in range(count)]


def own(name: str, edition: str, steps: int, count: int) -> dict[str, list[list[Ask]]]:
    """Questions to landsink, each asked `count` times of different months, places and countries."""
    draw = random.Random(2)
    months = [draw.randrange(steps) for _ in range(count)]
    series = f"/api/products/{name}/series?variable={NAME}"
    sums = f"/api/products/{name}/statistics?variable={NAME}"
    return {
        "map step": [[("GET", f"/zarr/{name}@{edition}/map/{NAME}/c/{m}/0/0", None)] for m in months],
        "point series": [[("GET", f"{series}&lon={x:.3f}&lat={y:.3f}", None)] for x, y in places(count)],
        "country statistics": [
            [("GET", f"{sums}&region={COUNTRIES[i % len(COUNTRIES)]}", None)] for i in range(count)
        ],
    }


def titiler(store: Path, months: Sequence[str], region: dict, count: int) -> dict[str, list[list[Ask]]]:
    """The same questions to titiler.xarray."""
    low, high = SPAN
    look = f"variable={NAME}&rescale={low},{high}&colormap_name=viridis"
    draw = random.Random(2)

    def view(month: str) -> list[Ask]:
        where = f"url={store}/map&{look}&sel=time={month}"
        return [("GET", f"/md/tiles/WebMercatorQuad/{z}/{x}/{y}.png?{where}", None) for z, x, y in TILES]

    return {
        "map step": [view(draw.choice(months)) for _ in range(max(2, count // 20))],
        "point series": [
            [("GET", f"/md/point/{x:.3f},{y:.3f}?url={store}/series&variable={NAME}", None)]
            for x, y in places(count)
        ],
        "country statistics": [[("POST", f"/md/statistics?url={store}/series&variable={NAME}", region)]] * 2,
    }


def xpublish(months: Sequence[str], count: int) -> dict[str, list[list[Ask]]]:
    """The same questions to xpublish with its EDR router; it gives no statistics of an area."""
    draw = random.Random(2)

    def cube(month: str) -> list[Ask]:
        box = "bbox=-180,-90,180,90"
        return [("GET", f"/datasets/map/edr/cube?{box}&datetime={month}&parameter-name={NAME}", None)]

    def position(x: float, y: float) -> list[Ask]:
        return [
            (
                "GET",
                f"/datasets/series/edr/position?coords=POINT({x:.3f}%20{y:.3f})&parameter-name={NAME}",
                None,
            )
        ]

    return {
        "map step": [cube(draw.choice(months)) for _ in range(max(3, count // 20))],
        "point series": [position(x, y) for x, y in places(max(3, count // 10))],
    }


def table(name: str, port: int, process, questions: dict[str, list[list[Ask]]]) -> dict[str, Answer]:
    """Ask and print."""
    found = {}
    for what, asks in questions.items():
        found[what] = cost(process, port, asks)
        a = found[what]
        print(
            f"{name:9s} {what:20s} {a.processor:9.2f} ms processor {a.clock:9.2f} ms clock {a.size / 1e3:9.1f} kB "
            f"(of {len(asks) - 1})",
            flush=True,
        )
    return found


def main() -> int:
    """Measure and judge; returns 1 where a target of landsink is missed."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument(
        "--peers", default=os.environ.get("LANDSINK_PEERS", ""), help="python with titiler.xarray, xpublish"
    )
    ask.add_argument("--keep", type=Path, help="folder of the generated release, kept")
    ask.add_argument("--steps", type=int, default=360)
    ask.add_argument("--count", type=int, default=400, help="questions of a kind")
    ask.add_argument("--users", type=int, default=50)
    ask.add_argument("--seconds", type=float, default=60.0)
    ask.add_argument("--quick", action="store_true", help="24 steps, few questions, 5 seconds")
    said = ask.parse_args()
    if said.quick:
        said.steps, said.count, said.seconds = 24, 40, 5.0
    with tempfile.TemporaryDirectory(prefix="landsink-serving-") as made:
        home = said.keep or Path(made)
        release, months, region = publish(home, said.steps)
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[-1]})
        return measured(said, home, release, months, region, cores[0])


def measured(
    said: argparse.Namespace, home: Path, release: str, months: list[str], region: dict, core: int
) -> int:
    """Every server in its turn, then the users."""
    print(f"GENERATED cube, {said.steps} steps of 720x1440 cells; servers on one core")
    edition = Releases(Catalogue(home)).get(release).edition
    questions = own(release, edition, said.steps, said.count)
    command = [
        sys.executable,
        "-c",
        "from landsink.cli import app; app()",
        "serve",
        "--port",
        str(LANDSINK),
        "--no-worker",
    ]
    with server(command, LANDSINK, "/api/health", core, {"LANDSINK_HOME": str(home)}) as process:
        found = table("landsink", LANDSINK, process, questions)
        mixed = [q[0] for rows in (questions["map step"], questions["point series"] * 3) for q in rows]
        mixed += [q[0] for q in questions["country statistics"][: said.count // 4]]
        crowds = {p: crowd(LANDSINK, mixed, said.users, said.seconds, p) for p in (1.0, 0.0)}
    for pause, c in crowds.items():
        way = f"pausing {pause:g} s" if pause else "without a pause"
        print(
            f"landsink  {said.users} users {way}, {said.seconds:g} s: {c.requests} answers, {c.errors} errors, "
            f"{c.rate:.0f}/s, median {c.median:.0f}, p95 {c.p95:.0f}, worst {c.worst:.0f} ms"
        )
    if said.peers:
        beside(said, home, release, months, region, core, found)
    missed = [w for w, most in TARGETS.items() if found[w].processor > most]
    missed += [f"{said.users} users" for c in crowds.values() if c.errors or c.p95 > 300.0][:1]
    print(f"missed: {', '.join(missed)}" if missed else "all targets reached")
    return bool(missed)


def beside(
    said: argparse.Namespace,
    home: Path,
    release: str,
    months: list[str],
    region: dict,
    core: int,
    ours: dict[str, Answer],
) -> None:
    """The peers, and how many times landsink's processor time each takes."""
    store = home / "releases" / release
    peers = {"titiler": (TITILER, "/md/info?url=x", titiler(store, months, region, said.count)),
             "xpublish": (XPUBLISH, "/versions", xpublish(months, said.count))}  # fmt: skip
    for name, (port, ready, questions) in peers.items():
        command = [said.peers, str(HERE / "peers.py"), name, str(port), str(store)]
        with server(command, port, ready, core, {}) as process:
            found = table(name, port, process, questions)
        print(
            name,
            "/ landsink:",
            json.dumps({w: round(a.processor / ours[w].processor, 1) for w, a in found.items()}),
        )


if __name__ == "__main__":
    sys.exit(main())
