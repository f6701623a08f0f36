"""Files of eddy-covariance stations as half-hourly records for station processing, one format a file.

`open_tower` recognises FLUXNET2015, ICOS ETC Level 2 and ONEFlux products, AmeriFlux BASE, ONEFlux inputs, REddyProc
tables, EddyPro outputs, the older ICOS ecosystem csv, ICOS instrument files and the parquet edition of FLUXNET2015.
"""

from landsink.sources.tower.sniff import FORMATS
from landsink.sources.tower.station_file import measured, open_tower

__all__ = ["FORMATS", "measured", "open_tower"]
