"""Open a NetCDF-4 file where no second file can be opened, and print what lies elsewhere as JSON: '' for nothing.

A script of a process of its own, which imports nothing of the house.
"""

import ctypes
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import netCDF4

# How netCDF-C names a variable's storage, where all of it lies in the file: chunked, contiguous, compact.
CHUNKED, CONTIGUOUS, COMPACT = range(3)


def main(arguments: list[str]) -> None:
    """Arguments: path, most seconds of processor time, most bytes of memory."""
    path, seconds, memory = arguments[0], int(arguments[1]), int(arguments[2])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        # The library that netCDF4 stands on: netCDF4 itself tells a virtual dataset from no other.
        storage = ctypes.CDLL(netCDF4._netCDF4.__file__).nc_inq_var_chunking
        free = os.open(os.devnull, os.O_RDONLY)
        os.close(free)
        # From here on one file can be open, and no other beside it.
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, free + 1))
        found = _elsewhere(path, storage)
    except Exception as error:
        found = f"{type(error).__name__}: {error}"[:300].replace(path, Path(path).name)
    sys.stdout.write(json.dumps(found))


def _elsewhere(path: str, storage: Any) -> str:
    """'' or what lies in another file; where it is not let open one, the library complains."""
    with netCDF4.Dataset(path) as ds:
        ds.set_auto_maskandscale(False)
        groups: list[Any] = [ds]
        while groups:
            group = groups.pop()
            groups += group.groups.values()
            for name, variable in group.variables.items():
                sort = ctypes.c_int(-1)
                failed = storage(group._grpid, variable._varid, ctypes.byref(sort), None)
                if failed or sort.value not in (CHUNKED, CONTIGUOUS, COMPACT):
                    return f"the values of '{name}' lie in another file"
                # Only what is in one piece can lie in other files, and then the first value does.
                if sort.value == CONTIGUOUS and variable.size:
                    _ = variable[(0,) * variable.ndim] if variable.ndim else variable[...]
    return ""


if __name__ == "__main__":
    main(sys.argv[1:])
