"""All that a folder holds, to be compared: every path with its size and SHA-256, and every row of its databases."""

import hashlib
import sqlite3
from pathlib import Path

# What is kept of visits, and not of what was sent: counts, sessions, and when a token was last used.
BOOKKEEPING = ("portal_usage", "portal_usage_seen", "portal_usage_salt", "portal_session")
PASSING = ("used",)


def fingerprint(root: Path) -> dict[str, object]:
    """Paths below `root` with size and SHA-256, and tables of SQLite databases with their rows' count and SHA-256."""
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or path.is_dir():
            found[name] = "link" if path.is_symlink() else "folder"
        elif path.suffix == ".sqlite":
            found |= {f"{name} {table}": rows for table, rows in _tables(path).items()}
        # The journal and its index belong to the database, whose rows are counted.
        elif not path.name.endswith((".sqlite-wal", ".sqlite-shm")):
            found[name] = (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    return found


def _tables(path: Path) -> dict[str, tuple[int, str]]:
    asked = sqlite3.connect(path)
    try:
        names = [n for (n,) in asked.execute("select name from sqlite_master where type = 'table'")]
        return {n: _rows(asked, n) for n in sorted(names) if n not in BOOKKEEPING}
    finally:
        asked.close()


def _rows(asked: sqlite3.Connection, table: str) -> tuple[int, str]:
    known = asked.execute(f'select * from "{table}"')
    kept = [at for at, column in enumerate(known.description) if column[0] not in PASSING]
    rows = sorted(repr([row[at] for at in kept]) for row in known)
    return len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()
