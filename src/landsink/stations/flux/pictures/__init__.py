"""The pictures of a station-year, one theme a file: each is a function StationYear -> pictures and sentences."""
