"""Re-analysis: a posterior run over a domain in tiles, written as a product that remembers its making."""

from .carry import by_climate as by_climate
from .carry import by_type as by_type
from .carry import within_reach as within_reach
from .cluster import ClusterLost as ClusterLost
from .domain import Grid as Grid
from .domain import cell_area as cell_area
from .runner import Plan as Plan
from .runner import run_tiles as run_tiles
from .tiles import TileStore as TileStore
from .tiles import split as split
from .totals import annual_totals as annual_totals
from .write import append as append
from .write import assemble as assemble
from .write import write as write
