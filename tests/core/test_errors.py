"""Errors say what was found, what was expected, and what to do."""

import pickle

from landsink.core.errors import DataError, LandsinkError, near, unknown


def test_parts_make_one_sentence():
    error = DataError("'tas' spans -12 … 31.", "Expected 190 … 340 K.", "Degrees Celsius?")
    assert str(error) == "'tas' spans -12 … 31. Expected 190 … 340 K. Degrees Celsius?"
    assert isinstance(error, LandsinkError)


def test_an_error_travels_between_processes():
    error = DataError("found", "expected", "remedy")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is DataError and str(again) == str(error) and again.expected == "expected"


def test_near_misses():
    assert near("gppp", ["gpp", "npp", "tas"]).startswith("Near: gpp")
    assert near("zzzz", ["gpp"]) == "Nothing is near."
    assert unknown("gppp", ["gpp"], "this model").remedy == "Near: gpp."
