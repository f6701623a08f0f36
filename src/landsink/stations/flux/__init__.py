"""Eddy-covariance towers: half-hourly records to gap-filled, partitioned, aggregated fluxes."""
