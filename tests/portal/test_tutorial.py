"""The handbook's tutorial on a user's own data, typed command by command, and its pages seen in a browser."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.portal.browser import chromium, free_port, inked

PAGE = ROOT / "docs" / "tutorials" / "own-data.md"
WAIT = (
    "for _ in $(seq 300); do curl -sf http://127.0.0.1:8359/api/health >/dev/null && break; sleep 0.2; done\n"
)
PRELUDE = f"""set -euo pipefail
landsink() {{ "{sys.executable}" -c 'from landsink.cli import app; app()' "$@"; }}
python() {{ "{sys.executable}" "$@"; }}
"""


def script(text: str) -> str:
    """All shell blocks of a page as one script; a block may say that it fails, or that it goes on behind."""
    lines = [PRELUDE]
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        head, _, rest = block.partition("\n")
        if code := re.fullmatch(r"# exit code (\d+)", head):
            lines.append(f"code=0\n{{ {rest.strip()}; }} || code=$?\n[ $code -eq {code[1]} ]\n")
        elif head == "# in the background":
            lines.append(f"{rest.strip()} > serve.log 2>&1 &\n{WAIT}")
        else:
            lines.append(block)
    return "".join(lines)


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """The folder in which the tutorial was typed, what it said, and the address where its portal still answers."""
    folder, port = tmp_path_factory.mktemp("tutorial"), free_port()
    (folder / "typed.sh").write_text(script(PAGE.read_text()).replace("8359", str(port)))
    where = os.environ | {
        "LANDSINK_HOME": str(folder / "home"),
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONWARNINGS": "",
    }
    with (folder / "said.txt").open("w") as said:
        command = ["bash", "-x", "typed.sh"]
        held = subprocess.Popen(command, cwd=folder, env=where, stdout=said, stderr=subprocess.STDOUT,
                                start_new_session=True)  # fmt: skip
        try:
            code = held.wait(240)
            assert code == 0, (folder / "said.txt").read_text()[-3000:]
            yield folder, (folder / "said.txt").read_text(), f"http://127.0.0.1:{port}"
        finally:
            os.killpg(held.pid, signal.SIGKILL)
            held.wait(10)


def test_the_trial_explains_every_defect(typed):
    said = typed[1]
    for words in ("lacks 'cSoil'", "Near: csoil", "'01/06/2019'", "says no unit"):
        assert words in said


def test_the_client_gives_the_same_numbers_here_and_there(typed):
    here = (typed[0] / "here.txt").read_text()
    assert here == (typed[0] / "there.txt").read_text()
    assert re.fullmatch(r"gpp \d\.\d+e-08 kg m-2 s-1, cSoil 8500 g m-2\n", here)


def test_the_citation_is_that_of_the_bytes(typed):
    assert "Doe, Jane" in (typed[0] / "stocks.bib").read_text()


@pytest.mark.parametrize(
    ("name", "plot"), [("STOCKS", "[data-testid=table-plot]"), ("FLUXES", "figure.plot")]
)
def test_the_landing_page_draws_it(typed, name, plot):
    folder, said, address = typed
    identifier = re.search(rf"^\+ {name}=(\S+)$", said, re.MULTILINE)[1]
    with chromium() as page:
        page.goto(f"{address}/objects/{identifier}")
        page.wait_for_selector("h1")
        assert inked(page, plot)


def test_a_block_that_should_fail_and_does_not_is_seen(tmp_path):
    text = script("```sh\n# exit code 3\ntrue\n```\n")
    assert subprocess.run(["bash", "-c", text], cwd=tmp_path).returncode
    text = script("```sh\n# exit code 3\n(exit 3)\n```\n")
    assert not subprocess.run(["bash", "-c", text], cwd=tmp_path).returncode
    assert Path(PAGE).is_file()
