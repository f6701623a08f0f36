"""What in a source can open an address, start a program or load code, by parsing alone."""

import ast
import re
from collections.abc import Iterator

# Full names, as imports tell them, of what leads out of the process.
OPENERS = re.compile(
    r"(?:httpx|requests|aiohttp|urllib3|urllib\.request|urllib\.robotparser|http\.client|xmlrpc|socket|socketserver|ssl"
    r"|ftplib|smtplib|imaplib|poplib|telnetlib|nntplib|paramiko|websockets?|grpc|boto3|botocore|s3fs|gcsfs|fsspec|intake"
    r"|obstore|icechunk|subprocess|multiprocessing|pty|os\.(?:system|popen|exec\w*|spawn\w*|posix_spawn\w*|fork\w*)"
    r"|asyncio\.(?:open_connection|open_unix_connection|create_subprocess_\w+|start_server)"
    r"|anyio\.(?:connect_\w+|open_process|run_process|create_\w*(?:listener|socket)\w*)"
    r"|xarray\.(?:open_\w+|load_\w+|backends)|zarr\.(?:open\w*|load|storage|api|convenience|hierarchy)"
    r"|pandas\.read_\w+|numpy\.(?:load|loadtxt|genfromtxt|fromfile|memmap|DataSource)|netCDF4|h5py|h5netcdf|rasterio"
    r"|geopandas|fiona|pyogrio|PIL\.Image\.open|matplotlib|sqlalchemy\.create_engine|sqlalchemy\.engine|sqlite3\.connect"
    r"|pg8000|psycopg|procrastinate|distributed|dask\.distributed|pystac\.(?:read_\w+|StacIO|stac_io|set_stac_version)"
    r"|webbrowser|importlib\.(?:import_module|util|machinery|reload)|runpy|ctypes|cffi|pickle|marshal|shelve|dill"
    r"|cloudpickle|joblib|code|codeop|builtins\.(?:eval|exec|compile|__import__))(?:\.|$)"
)
# Methods that follow an address wherever they stand.
METHODS = {
    "from_file", "from_url", "resolve_links", "get_stac_objects", "resolve_stac_object", "read_text_from_href",
    "urlopen", "create_connection", "getaddrinfo", "full_copy", "import_module", "open_mfdataset", "urlretrieve",
}  # fmt: skip
BUILT_IN = {"eval", "exec", "compile", "__import__"}


def openers(tree: ast.AST) -> Iterator[str]:
    """Full names of what a module uses to lead out: called, handed on, or renamed."""
    names = dict(_imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            dotted = _dotted(node, names)
            if found := OPENERS.match(dotted):
                yield found[0].rstrip(".")
            elif isinstance(node, ast.Attribute) and node.attr in METHODS:
                yield f".{node.attr}"


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Names of a module and what they stand for."""
    yield from ((name, f"builtins.{name}") for name in BUILT_IN)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((a.asname or a.name, f"{node.module}.{a.name}") for a in node.names)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _lazy(node.value):
            word = node.value.args[0]
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(word, ast.Constant):
                    yield target.id, str(word.value)


def _lazy(call: ast.Call) -> bool:
    named = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return named in ("load", "Late") and bool(call.args)


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    return ".".join([names[node.id], *reversed(parts)])
