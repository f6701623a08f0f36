"""Modules that take long to load and are not always needed."""

from importlib import import_module
from typing import Any


class Late:
    """A module that is loaded when something of it is first asked for, whole and once, by however many threads.

    The import system holds the lock; the lazy loaders of Python 3.11 show a second thread half a module.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)
