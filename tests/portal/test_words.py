"""The page's words: every key stands in every language, with the same blanks to fill."""

import json
import re
from pathlib import Path

import pytest

WORDS = Path(__file__).resolve().parents[2] / "web" / "src" / "i18n"


def catalogue(part: str, language: str) -> dict[str, str]:
    return json.loads((WORDS / f"{part}.{language}.json").read_text())


def blanks(rows: dict[str, str]) -> dict[str, list[str]]:
    return {key: sorted(re.findall(r"{\w+}", text)) for key, text in rows.items()}


@pytest.mark.parametrize("part", ["shell", "pages"])
@pytest.mark.parametrize("language", ["fr", "de", "fi"])
def test_every_word_stands_in_every_language(part, language):
    english, other = catalogue(part, "en"), catalogue(part, language)
    assert blanks(other) == blanks(english)
    assert all(text.strip() for text in other.values())


def test_no_key_stands_in_both_catalogues():
    assert not catalogue("shell", "en").keys() & catalogue("pages", "en").keys()
