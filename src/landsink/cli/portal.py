"""The portal: serve the catalogue with its map, and run what its visitors ask for."""

import logging
import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import lazy_loader
import typer
from rich.markup import escape

from landsink.cli.page import app, console, progress, said

# A server is loaded by the commands that use it, not by every start of the command line.
bells = lazy_loader.load("landsink.portal.jobs.bell", suppress_warning=True)
case = lazy_loader.load("landsink.case", suppress_warning=True)
catalogue = lazy_loader.load("landsink.catalogue", suppress_warning=True)
context = lazy_loader.load("landsink.portal.context", suppress_warning=True)
labour = lazy_loader.load("landsink.portal.jobs.worker", suppress_warning=True)
server = lazy_loader.load("landsink.portal.server", suppress_warning=True)
settled = lazy_loader.load("landsink.portal.settings", suppress_warning=True)

Home = Annotated[
    Path | None, typer.Option(help="Folder of the catalogue; LANDSINK_HOME or the user's own if not given.")
]
Minutes = Annotated[float, typer.Option(min=0.1, help="Most minutes that a job may run.")]
Memory = Annotated[float, typer.Option("--gigabytes", min=0.1, help="Most memory that a job may hold.")]
COMMAND = (sys.executable, "-c", "from landsink.cli.portal import app; app()", "worker")
# With a bell there is no need to ask; but what a dead worker left is still looked for.
BELL_SECONDS = 15.0


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 for all of this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any free one.")] = 8350,
    home: Home = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Jobs that run at once.")] = 1,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Take jobs, and leave them to workers started elsewhere.")
    ] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
    minutes: Minutes = 240.0,
    gigabytes: Memory = 16.0,
    public: Annotated[
        str, typer.Option("--address", help="Where others reach it, as https://carbon.example.org.")
    ] = "",
    hosts: Annotated[
        str,
        typer.Option(
            help="Names under which it may be asked, as carbon.example.org,localhost; else refused."
        ),
    ] = "",
    proxies: Annotated[
        str,
        typer.Option(
            help="Addresses of the proxies before it, as 10.0.0.2,10.1.0.0/24; they are believed who asks."
        ),
    ] = "",
    per_minute: Annotated[
        int, typer.Option(min=0, help="Questions a minute that one address may ask; 0 for no limit.")
    ] = 0,
    open_reads: Annotated[
        bool, typer.Option("--open-reads/--closed", help="Whether those without an account may read.")
    ] = True,
) -> None:
    """Serve the catalogue: map, search, data and jobs, for browsers and programs."""
    with said("nothing was changed."):
        _settle(home)
        settings = settled.Settings(host=host, port=port, address=public, hosts=_parted(hosts),
                                    proxies=_parted(proxies), per_minute=per_minute,
                                    open_reads=open_reads)  # fmt: skip
        bound = server.bind(settings)
        store = catalogue.Catalogue.configured()
        store.sweep()
        offered = case.Processes.configured(store)
        count = _shown(store, offered)
        here = context.Context(store, settings, offered, case.Apart((*COMMAND, "--publish")))
        where = server.address(settings, bound)
        lines = _lines(settings, where, store, count, 0 if no_worker else workers)
        command = (*COMMAND, "--attached", "--minutes", str(minutes), "--gigabytes", str(gigabytes))
        server.serve(here, bound, command, 0 if no_worker else workers,
                     lambda: _ready(lines, where, no_browser))  # fmt: skip
        console.print("stopped")


@app.command()
def worker(
    home: Home = None,
    minutes: Minutes = 240.0,
    gigabytes: Memory = 16.0,
    job: Annotated[str, typer.Option(hidden=True, help="Run this one in this process.")] = "",
    publish: Annotated[str, typer.Option(hidden=True, help="Publish this object in this process.")] = "",
    attached: Annotated[
        bool, typer.Option(hidden=True, help="End with the process that started it.")
    ] = False,
) -> None:
    """Run the jobs of a catalogue one at a time, each in a process of its own, until asked to end."""
    with said("nothing was lost."):
        _settle(home)
        store = catalogue.Catalogue.configured()
        if publish:
            case.publish_object(store, store.get(publish))
            return
        queue, folder = bells.queue(store), store.root / "jobs"
        if job:
            labour.perform(queue, case.Processes.configured(store), job, folder)
            return
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
        logging.getLogger("landsink").setLevel(logging.INFO)
        logging.getLogger().setLevel(logging.WARNING)
        stop = _until_asked(attached)
        ringing = bells.bell(store)
        bounds = labour.Bounds(60 * minutes, gigabytes, poll=BELL_SECONDS if ringing else 1.0)
        if ringing:
            ringing.listen()
        labour.Worker(
            queue,
            lambda found: (*COMMAND, "--job", found.id),
            folder,
            bounds,
            stop,
            ringing.wait if ringing else None,
        ).run()


def _parted(said: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in said.split(",") if part.strip())


def _settle(home: Path | None) -> None:
    if home is not None:
        # For the workers too, which are processes of their own.
        os.environ["LANDSINK_HOME"] = str(home.absolute())


def _until_asked(attached: bool) -> threading.Event:
    """Set when the process is asked to end, or, where it is attached, when its parent is gone."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if attached:
        # Named here: a lazy module that two threads load at once is half a module in one of them.
        threading.Thread(target=_when_over, args=(labour.orphaned, stop), daemon=True).start()
    return stop


def _when_over(over: Callable[[], None], stop: threading.Event) -> None:
    over()
    stop.set()


def _shown(store: Any, offered: Any) -> int:
    """Publish what the map does not show yet, and look at what may be changed; how many objects there are."""
    with progress(False) as report:
        for line in case.publish_missing(store, report):
            console.print(escape(line), highlight=False, soft_wrap=True)
        offered.warm(report)
    return len(store.list())


def _lines(settings: Any, where: str, store: Any, count: int, workers: int) -> list[str]:
    """What is served, from where, and what is missing."""
    built = (settings.page / "index.html").is_file()
    lines = [
        f"map        {where}/" if built else "map        is not built: say 'npm ci && npm run build' in web/",
        f"API        {where}/api",
        f"catalogue  {store.root} ({count} objects)",
        f"jobs       {workers} worker{'s' * (workers != 1)}"
        if workers
        else "jobs       wait for 'landsink worker'",
    ]
    if not count:
        lines.append("The catalogue is empty: 'landsink run demo' makes a first product.")
    if not settings.local:
        lines.append(
            "Others can reach this server: only those with an account may run jobs ('landsink account')."
        )
    return lines


def _ready(lines: list[str], where: str, quiet: bool) -> None:
    for line in lines:
        console.print(escape(line), highlight=False, soft_wrap=True)
    console.print("Ctrl-C ends it.")
    if not quiet and _watched():
        webbrowser.open(where)


def _watched() -> bool:
    """Whether somebody sits before a screen of this machine."""
    screen = (
        sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return bool(screen) and sys.stderr.isatty()
