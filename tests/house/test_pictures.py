"""The handbook shows every picture that is drawn of the portal, and no other, each with words for who cannot see it."""

import re

from docs.pictures import SCENES
from tests.house import tree

PAGE = (tree.ROOT / "docs" / "how-to" / "use-the-map.md").read_text()


def test_every_picture_is_drawn_and_shown_once():
    shown = re.findall(r"^```\{picture\} ([\w-]+)$", PAGE, re.MULTILINE)
    assert sorted(shown) == sorted(scene.name for scene in SCENES)


def test_every_picture_has_its_words():
    assert len(re.findall(r"^```\{picture\} [\w-]+\n:alt: .{30,}\.$", PAGE, re.MULTILINE)) == len(SCENES)


def test_the_keys_told_are_those_of_the_map():
    # The page of the map names the keys that it takes; the handbook calls the bar "space".
    source = (tree.ROOT / "web" / "src" / "map" / "MapPage.svelte").read_text()
    taken = re.search(r"const acts.*?= \{(.*?)\n    \};", source, re.DOTALL)
    keys = set(re.findall(r'^\s+"?([A-Za-z]+| )"?: \(\)', taken[1], re.MULTILINE))
    told = {
        "ArrowLeft": "←",
        "ArrowRight": "→",
        "Home": "Home",
        "End": "End",
        " ": "space",
        "Escape": "Escape",
    }
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("|"))
    assert keys == told.keys()
    assert not [key for key, word in told.items() if word not in table]
