"""Cases: a TOML page that maps one to one to constructors, and the only room that knows all rooms."""

from landsink.core.engine.doctor import examine as examine

from . import growing as growing
from .inspect import check as check
from .inspect import explain as explain
from .page import Case as Case
from .page import load as load
from .pipeline import run as run
from .publication import Apart as Apart
from .publication import publish_object as publish_object
from .serving import Processes as Processes
from .serving import publish_missing as publish_missing
from .shelf import cite as cite
from .shelf import detail as detail
from .shelf import draw as draw
from .shelf import export as export
from .shelf import found as found
from .shelf import ingest as ingest
from .shelf import listing as listing
from .shelf import product as product
from .shelf import products as products
from .shelf import query as query
from .shelf import score as score
from .shelf import scoreboard as scoreboard
from .shelf import search as search
from .shelf import verify as verify
from .station import StationFiles as StationFiles
from .station import StationSettings as StationSettings
from .station import check_terms as check_terms
from .station import convention as convention
from .station import enter_station as enter_station
from .station import statement as statement
from .station import station as station
from .station import station_facts as station_facts
from .update import update as update
