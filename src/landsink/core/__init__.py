"""The grammar of the house: names, processes, models, time stepping, and the door to labelled data."""

import jax

# Decades of small increments and mass closure to 1e-10 need double precision; JAX offers it
# only as a process-wide switch that must be set before the first array exists.
jax.config.update("jax_enable_x64", True)
