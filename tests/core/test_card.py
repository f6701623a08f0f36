"""The card of a name, as text."""

import io

import pytest
from rich.console import Console

from landsink.core.card import card
from landsink.core.errors import UnknownName
from landsink.core.quantity import vocabulary
from tests.core.toys import Chain, Leaves, Uptake, WarmDecay, Warmth

ALL = (Chain, Leaves, Uptake, WarmDecay, Warmth)


def text(name: str) -> str:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(card(name, ALL))
    return console.export_text()


def test_card_of_a_quantity():
    shown = text("fEnvSoil")
    assert "climate modifier of soil decay" in shown
    assert "diagnostic" in shown and "0 … 20" in shown
    assert "given by" in shown and "Warmth" in shown
    assert "read by" in shown and "WarmDecay" in shown


def test_card_of_a_rate_states_its_sign_and_its_givers():
    shown = text("rh")
    assert "+ to the atmosphere" in shown and "kg m-2 s-1" in shown
    assert "Chain, WarmDecay" in shown


def test_card_of_what_is_counted():
    assert "+ ra + rh - gpp" in text("nee")
    assert "arrows from atmosphere into cLand" in text("nbp")
    assert "cSoilYoung" in text("cSoil")


def test_card_of_a_pool_names_who_moves_it():
    shown = text("cSoilYoung")
    assert "moved by" in shown and "Uptake" in shown and "given by" not in shown


def test_card_of_a_memory():
    assert "Leaves" in text("tasPhenology")


def test_card_of_a_process_shows_the_paper_s_units():
    shown = text("Chain")
    assert "Two pools in series" in shown and "a toy" in shown
    assert "cSoilYoung -> atmosphere : rh" in shown
    row = next(line for line in shown.splitlines() if "k_young" in line)
    assert "0.8" in row and "0.1 … 4" in row and "yr-1" in row and "young turnover" in row


def test_card_of_an_unknown_name_tells_what_is_near_among_both():
    with pytest.raises(UnknownName, match="WarmDecay"):
        card("WarmDekay", ALL)
    with pytest.raises(UnknownName, match="gpp"):
        card("gppp", ALL)


def test_every_quantity_has_a_card():
    assert all(name in text(name) for name in vocabulary())
