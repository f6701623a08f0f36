"""Disturbance: what is taken from land by fire."""

from .fire import Fire as Fire
from .fire import LitterFire as LitterFire
