"""The ICOS Carbon Portal: its stations and data objects, fetched once, checked, cited, and joined to long records."""

from landsink.sources.icos.client import Client, Refused, Unreachable
from landsink.sources.icos.login import Token, log_in
from landsink.sources.icos.portal import Icos, OldAnswer, Superseded, cite
from landsink.sources.icos.query import DataObject, Datatype, Station
from landsink.sources.icos.shelf import Kept, Shelf

__all__ = [
    "Client", "DataObject", "Datatype", "Icos", "Kept", "OldAnswer", "Refused", "Shelf", "Station", "Superseded",
    "Token", "Unreachable", "cite", "log_in",
]  # fmt: skip
