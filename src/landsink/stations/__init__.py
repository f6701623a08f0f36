"""Stations: from the files that instruments leave to products with honest uncertainty, one place at a time."""
