"""Files: fetched once, whole, checked; gone on with, waited for, refused, and cited."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from landsink.core.errors import DataError, LandsinkError
from landsink.sources.icos import Client, Icos, Refused, Superseded, Unreachable
from tests.house.tree import ROOT
from tests.sources.icos import carbon_portal
from tests.sources.icos.carbon_portal import Cut, Held, Page, Stall, Status

CONTENT = random.Random(4).randbytes(700_000)
NAME = "ICOSETC_DE-Tha_ARCHIVE_L2.zip"
LICENCE = "/licence_accept"


@pytest.fixture
def held(portal) -> Held:
    portal.objects.append(Held(CONTENT, NAME, citation="Bernhofer, C. (2024). ETC L2 ARCHIVE, Tharandt"))
    return portal.objects[0]


def part(icos: Icos, held: Held) -> Path:
    return icos.shelf.root / "objects" / held.id / "part"


def test_a_file_comes_whole_and_once(portal, icos, held):
    heard = []
    (item,) = icos().objects(station="DE-Tha")
    path = icos().fetch(item, progress=lambda done, total: heard.append((done, total)))
    assert path.name == NAME
    assert path.read_bytes() == CONTENT
    assert heard[0] == (0, len(CONTENT))
    assert heard[-1] == (len(CONTENT), len(CONTENT))
    assert heard == sorted(heard)
    asked = len(portal.requests)
    for name in (item, held.id, item.pid, item.url):
        assert icos(offline=True, accept_licence=False).fetch(name, verify=True) == path
    assert len(portal.requests) == asked
    assert [k.sha256 for k in icos().kept()] == [hashlib.sha256(CONTENT).hexdigest()]
    assert not part(icos(), held).exists()


def test_without_token_or_consent_nothing_is_asked(portal, icos, held):
    with pytest.raises(Refused, match="accept_licence=True"):
        icos(accept_licence=False).fetch(held.id)
    assert not portal.requests


@pytest.mark.parametrize("consent", [1, "yes", None])
def test_consent_is_said_and_not_implied(icos, held, consent):
    with pytest.raises(Refused):
        icos(accept_licence=consent).fetch(held.id)


def test_a_token_opens_the_data_and_goes_to_them_alone(portal, icos, held):
    text = carbon_portal.token()
    icos(accept_licence=False, token=text).fetch(held.id)
    assert [h.get("Cookie") for h in portal.asked("/objects/")] == [text]
    assert [h.get("Cookie") for h in portal.asked("/sparql")] == [None]
    assert not portal.asked(LICENCE)


def test_a_token_that_ended_is_not_sent(portal, icos, held):
    with pytest.raises(Refused, match="ended on"):
        icos(accept_licence=False, token=carbon_portal.token(lives=-1)).fetch(held.id)
    assert not portal.requests


def test_a_token_that_the_portal_does_not_take(portal, icos, held):
    portal.accepts_tokens = False
    with pytest.raises(Refused, match="asks for its licence"):
        icos(accept_licence=False, token=carbon_portal.token()).fetch(held.id)
    portal.troubles.append(Status(401))
    with pytest.raises(Refused, match="401"):
        icos(accept_licence=False, token=carbon_portal.token()).fetch(held.id)


def test_a_page_instead_of_data(portal, icos, held):
    portal.troubles.append(Page())
    with pytest.raises(DataError, match="a page instead of"):
        icos().fetch(held.id)
    assert not list(part(icos(), held).parent.glob(NAME))


def test_a_download_that_breaks_off_goes_on(portal, icos, held):
    # one trouble is taken by each request; a consent is a request of its own
    portal.troubles += [None, Cut(200_000), None, Cut(300_000)]
    assert icos().fetch(held.id).read_bytes() == CONTENT
    assert [h.get("Range") for h in portal.asked("/objects/")] == [None, "bytes=200000-", "bytes=500000-"]


def test_a_later_run_goes_on_where_an_earlier_one_gave_up(portal, icos, held):
    portal.troubles += [None, Cut(1000)] * 3
    with pytest.raises(Unreachable, match="broke off at 3000 of 700000 bytes, 3 times.*goes on"):
        icos().fetch(held.id)
    assert icos().fetch(held.id).read_bytes() == CONTENT
    assert portal.asked("/objects/")[-1]["Range"] == "bytes=3000-"


def test_a_server_without_ranges_begins_anew(portal, icos, held):
    portal.ranges = False
    portal.troubles += [None, Cut(1000)]
    assert icos().fetch(held.id).read_bytes() == CONTENT
    assert len(portal.asked("/objects/")) == 2


def test_a_server_that_falls_silent_is_left_and_asked_again(portal, icos, held):
    impatient = Client(timeout=0.3, tries=2, pause=0.01)
    portal.troubles += [None, Stall(1000)]
    assert icos(client=impatient).fetch(held.id).read_bytes() == CONTENT
    assert portal.asked("/objects/")[-1]["Range"] == "bytes=1000-"


def test_a_server_that_is_silent_for_good_is_named(portal, icos, held):
    portal.troubles += [None, Stall(1000), None, Stall(1000)]
    with pytest.raises(Unreachable, match="broke off at 2000 of 700000 bytes, 2 times .*timed out"):
        icos(client=Client(timeout=0.3, tries=2, pause=0.01)).fetch(held.id)


@pytest.mark.parametrize(
    "left", [b"rubbish", b"x" * 700_000, b"x" * 800_000], ids=["short", "as long", "longer"]
)
def test_what_an_earlier_run_left_is_not_trusted(icos, held, left):
    part(icos(), held).parent.mkdir(parents=True)
    part(icos(), held).write_bytes(left)
    assert icos().fetch(held.id).read_bytes() == CONTENT


@pytest.mark.parametrize("whole", [True, False], ids=["sha256", "id"])
def test_other_bytes_than_promised_are_not_kept(portal, icos, whole):
    told = b"y" + CONTENT[1:]
    portal.objects.append(Held(CONTENT, NAME, told=told, sha256=whole))
    with pytest.raises(DataError, match=hashlib.sha256(CONTENT).hexdigest()):
        icos().fetch(portal.objects[0].id)
    assert icos().kept() == []
    assert len(portal.asked("/objects/")) == 1


def test_more_bytes_than_promised(portal, icos):
    portal.objects.append(Held(CONTENT, NAME, told=b"short"))
    with pytest.raises(DataError, match="5, as the portal says"):
        icos().fetch(portal.objects[0].id)


def test_a_file_changed_on_the_shelf_is_noticed(icos, held):
    path = icos().fetch(held.id)
    path.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(DataError, match="was changed after it was fetched"):
        icos().fetch(held.id)
    path.unlink()
    assert icos().fetch(held.id).read_bytes() == CONTENT


def test_a_change_that_hides_is_found_on_asking(icos, held):
    path = icos().fetch(held.id)
    stat = path.stat()
    path.write_bytes(CONTENT[:-1] + b"?")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert icos().fetch(held.id) == path
    with pytest.raises(DataError, match="was changed"):
        icos().fetch(held.id, verify=True)


def test_a_superseded_version_says_so(portal, icos, held):
    newer = Held(b"newer", "newer.zip", previous=(held.id,))
    portal.objects.append(newer)
    with pytest.warns(Superseded, match="replaced by a newer version"):
        assert icos().fetch(held.id).read_bytes() == CONTENT
    (item,) = icos().newest(held.id)
    assert icos().fetch(item).read_bytes() == b"newer"


def test_the_disk_is_full_before(icos, held, monkeypatch, portal):
    usage = shutil.disk_usage(Path(__file__))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(LandsinkError, match="is full.*Make room"):
        icos().fetch(held.id)
    assert not portal.asked("/objects/")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_the_disk_fills_while_writing(icos, held):
    part(icos(), held).parent.mkdir(parents=True)
    part(icos(), held).symlink_to("/dev/full")
    with pytest.raises(LandsinkError, match="is full.*Make room"):
        icos().fetch(held.id)
    assert icos().kept() == []


def test_a_shelf_that_cannot_be_made(icos, held, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(LandsinkError, match="cannot be made"):
        icos(home=tmp_path / "file").fetch(held.id)


def test_a_shelf_whose_notes_are_spoilt(icos, held):
    notes = icos().fetch(held.id).with_name("object.json")
    for text in ("", "{}", "[]", '{"object": {"previous": []}}'):
        notes.write_text(text)
        with pytest.raises(DataError, match="cannot be read"):
            icos().fetch(held.id)


def test_offline_and_not_on_the_shelf(portal, icos, held):
    with pytest.raises(Unreachable, match="not on the shelf"):
        icos(offline=True).fetch(held.id)
    assert not portal.requests


@pytest.mark.parametrize(
    "name", ["../../../escape.zip", "..\\escape.zip", "part", "object.json", ".hidden", ".."]
)
def test_a_name_leads_nowhere_else(portal, icos, name):
    portal.objects.append(Held(b"content", name))
    path = icos().fetch(portal.objects[0].id)
    assert path.parent == part(icos(), portal.objects[0]).parent
    assert path.read_bytes() == b"content"


SCRIPT = """
import sys
from landsink.sources.icos import Client, Icos
url, home, key = sys.argv[1:]
portal = Icos(accept_licence=True, home=home, meta=url, data=url, client=Client(timeout=20, tries=2, pause=0.01))
print(portal.fetch(key), flush=True)
"""


def another(icos: Icos, held: Held) -> subprocess.Popen:
    """Another process that fetches the same object."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    line = [sys.executable, "-c", SCRIPT, icos.meta, str(icos.shelf.root), held.id]
    return subprocess.Popen(line, env=env, stdout=subprocess.PIPE, text=True)


def wait_for_bytes(path: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and not (path.exists() and path.stat().st_size):
        time.sleep(0.02)
    assert path.exists(), "the other process fetched nothing within a minute"


def test_two_processes_fetch_once(portal, icos, held):
    portal.drip = 0.03
    with another(icos(), held) as first:
        wait_for_bytes(part(icos(), held))
        mine = icos(client=Client(timeout=20, tries=2, pause=0.01)).fetch(held.id)
        assert first.communicate(timeout=60)[0].strip() == str(mine)
    assert mine.read_bytes() == CONTENT
    assert len(portal.asked("/objects/")) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_process_that_is_killed_leaves_no_lock(portal, icos, held):
    portal.drip = 0.05
    with another(icos(), held) as first:
        wait_for_bytes(part(icos(), held))
        first.send_signal(signal.SIGKILL)
    left = part(icos(), held).stat().st_size
    assert 0 < left < len(CONTENT)
    portal.drip = 0.0
    assert icos().fetch(held.id).read_bytes() == CONTENT
    assert portal.asked("/objects/")[-1]["Range"] == f"bytes={left}-"


def test_what_is_kept_remembers_where_it_comes_from(icos, held):
    path = icos().fetch(held.id)
    facts = json.loads((path.parent / "object.json").read_text())
    assert facts["object"]["id"] == held.id
    assert "accepted by the user" in facts["licence"]
    assert facts["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_citations_come_once_each_and_in_order(portal, icos, held):
    other = Held(b"other", "other.zip", submitted="2023-05-01T00:00:00Z")
    portal.objects.append(other)
    items = {o.name: o for o in icos().objects(station="DE-Tha")}
    text = icos().citation([items["other.zip"], held.id, items[NAME]])
    assert text.splitlines() == [
        f"ICOS RI, 2023. other.zip. https://hdl.handle.net/11676/{other.id}",
        f"Bernhofer, C. (2024). ETC L2 ARCHIVE, Tharandt. https://hdl.handle.net/11676/{held.id}",
    ]


def test_a_citation_of_what_is_kept_needs_no_network(portal, icos, held):
    icos().fetch(held.id)
    portal.down = True
    assert "Bernhofer" in icos(offline=True).citation(held.id for _ in range(1))
