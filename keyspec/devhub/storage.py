"""The tables of a hub, in SQLite: a file in WAL mode, or memory.

    settings(name, value)                      the pepper of the hub, and its latest version
    roles(name, description, permissions, role_id)
    keys(key_id, description, roles, reauthentication_timeout, locked, digest, version)
    spent_ids(key_id)                          IDs of deleted keys

Rules:

* One connection, one re-entrant lock: requests run on the server's thread and hands-on calls on
  the test's. Whoever checks before writing does both inside one `transaction()`, which is
  IMMEDIATE, so that a second process on the same file waits too.
* Lists of names are JSON arrays, so a page of keys is one statement without a join.
* Every write to a key gives it a version that none had before: one counter for the whole hub, so that
  a key that is deleted and made anew is not taken for its predecessor. A new value alone is no change.
* Deleting a role takes it off every key that had it: keys are silently weakened, as documented.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from keyspec.devhub.credentials import make_pepper, make_role_id
from keyspec.devhub.model import Edit, Key, Role, sort_roles
from keyspec.devhub.query import (
    KEY_COLUMNS,
    ROLE_COLUMNS,
    Columns,
    Query,
    build_order,
    build_where,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS roles (
    name TEXT PRIMARY KEY, description TEXT NOT NULL, permissions TEXT NOT NULL,
    role_id TEXT NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keys (
    key_id TEXT PRIMARY KEY, description TEXT NOT NULL, roles TEXT NOT NULL,
    reauthentication_timeout INTEGER NOT NULL, locked INTEGER NOT NULL,
    digest BLOB NOT NULL UNIQUE, version INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent_ids (key_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_KEY_FIELDS = "key_id, description, roles, reauthentication_timeout, locked, version"
_BUSY_TIMEOUT_S = 5.0

Found = tuple[list[sqlite3.Row], int]


class Storage:
    """Keys and roles of one hub."""

    def __init__(self, database: Path | str | None = None) -> None:
        """Open (and fill with empty tables) a database file; None keeps everything in memory."""
        target = ":memory:" if database is None else str(database)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            target, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_SCHEMA)
            self.pepper = self._load_pepper()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the database; nothing can be read afterwards."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do everything inside at once or not at all; may be nested."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    # Keys

    def find_key(self, key_id: str) -> Key | None:
        """Return the key of this ID."""
        rows = self._read(f"SELECT {_KEY_FIELDS} FROM keys WHERE key_id = ?", (key_id,))  # noqa: S608
        return _read_key(rows[0]) if rows else None

    def find_holder(self, digest: bytes) -> Key | None:
        """Return the key whose value has this digest."""
        rows = self._read(f"SELECT {_KEY_FIELDS} FROM keys WHERE digest = ?", (digest,))  # noqa: S608
        return _read_key(rows[0]) if rows else None

    def list_keys(self, query: Query) -> tuple[list[Key], int]:
        """Return the keys of a page, and how many match in all."""
        rows, matching = self._list("keys", KEY_COLUMNS, query)
        return [_read_key(row) for row in rows], matching

    def all_keys(self) -> list[Key]:
        """Return every key, by ID."""
        return [_read_key(row) for row in self._read(f"SELECT {_KEY_FIELDS} FROM keys")]  # noqa: S608

    def count_keys(self) -> int:
        """Return how many keys there are."""
        return int(self._read("SELECT count(*) FROM keys")[0][0])

    def add_keys(self, keys: Iterable[tuple[Key, bytes]]) -> None:
        """Add keys, each with the digest of its value; sqlite3.IntegrityError if one exists."""
        with self.transaction():
            version = self._next_version()
            rows = [(*_key_row(key), digest, version) for key, digest in keys]
            self._connection.executemany("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def edit_key(self, key_id: str, edit: Edit) -> None:
        """Change the given fields of a key."""
        roles = None if edit.roles is None else _dump_names(edit.roles)
        with self.transaction():
            self._write(
                "UPDATE keys SET description = coalesce(?, description), roles = coalesce(?, roles),"
                " reauthentication_timeout = coalesce(?, reauthentication_timeout),"
                " locked = coalesce(?, locked), version = ? WHERE key_id = ?",
                (edit.description, roles, edit.reauthentication_timeout, edit.locked, self._next_version(), key_id),
            )

    def set_digest(self, key_id: str, digest: bytes) -> None:
        """Give a key another value."""
        self._write("UPDATE keys SET digest = ? WHERE key_id = ?", (digest, key_id))

    def remove_key(self, key_id: str) -> None:
        """Delete a key for good and remember that its ID was used."""
        with self.transaction():
            self._write("DELETE FROM keys WHERE key_id = ?", (key_id,))
            self._write("INSERT OR IGNORE INTO spent_ids VALUES (?)", (key_id,))

    def is_spent(self, key_id: str) -> bool:
        """Say whether a key of this ID was ever deleted."""
        return bool(self._read("SELECT 1 FROM spent_ids WHERE key_id = ?", (key_id,)))

    # Roles

    def list_roles(self, query: Query) -> tuple[list[Role], int]:
        """Return the roles of a page, and how many match in all."""
        rows, matching = self._list("roles", ROLE_COLUMNS, query)
        return [_read_role(row) for row in rows], matching

    def find_roles(self, names: Iterable[str]) -> list[Role]:
        """Return those of the named roles that exist."""
        rows = self._read(
            "SELECT * FROM roles WHERE name IN (SELECT value FROM json_each(?))",
            (_dump_names(names),),
        )
        return [_read_role(row) for row in rows]

    def find_roles_by_id(self, role_ids: Iterable[str]) -> list[Role]:
        """Return those of the roles of these IDs that exist."""
        rows = self._read(
            "SELECT * FROM roles WHERE role_id IN (SELECT value FROM json_each(?))",
            (_dump_names(role_ids),),
        )
        return [_read_role(row) for row in rows]

    def count_roles(self) -> int:
        """Return how many roles there are."""
        return int(self._read("SELECT count(*) FROM roles")[0][0])

    def put_role(self, role: Role) -> None:
        """Add a role, or replace the one of this name, whose ID stays."""
        self._write(
            "INSERT INTO roles VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE"
            " SET description = excluded.description, permissions = excluded.permissions",
            (role.name, role.description, _dump_names(role.permissions), role.role_id or make_role_id()),
        )

    def remove_role(self, name: str) -> None:
        """Delete a role and take it off every key."""
        kept = "SELECT json_group_array(value) FROM json_each(keys.roles) WHERE value <> ?"
        holds = "EXISTS (SELECT 1 FROM json_each(keys.roles) WHERE value = ?)"
        with self.transaction():
            self._write("DELETE FROM roles WHERE name = ?", (name,))
            version = self._next_version()
            self._write(f"UPDATE keys SET roles = ({kept}), version = ? WHERE {holds}", (name, version, name))  # noqa: S608

    # Statements

    def _list(self, table: str, columns: Columns, query: Query) -> Found:
        where, operands = build_where(query, columns)
        placed, places = build_where(query, columns, placed=True)
        rows_sql = f"SELECT * FROM {table}{placed}{build_order(query, columns)} LIMIT ? OFFSET ?"  # noqa: S608
        count_sql = f"SELECT count(*) FROM {table}{where}"  # noqa: S608
        with self.transaction():
            rows = self._read(rows_sql, (*places, query.limit, query.start))
            return rows, int(self._read(count_sql, operands)[0][0])

    def _read(self, statement: str, operands: Sequence[object] = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(statement, operands).fetchall()

    def _write(self, statement: str, operands: Sequence[object]) -> None:
        with self._lock:
            self._connection.execute(statement, operands)

    def _next_version(self) -> int:
        self._write("INSERT OR IGNORE INTO settings VALUES ('version', 0)", ())
        self._write("UPDATE settings SET value = value + 1 WHERE name = 'version'", ())
        return int(self._read("SELECT value FROM settings WHERE name = 'version'")[0][0])

    def _load_pepper(self) -> bytes:
        with self.transaction():
            self._write("INSERT OR IGNORE INTO settings VALUES ('pepper', ?)", (make_pepper(),))
            return bytes(self._read("SELECT value FROM settings WHERE name = 'pepper'")[0][0])


def _key_row(key: Key) -> tuple[str, str, str, int, int]:
    roles = _dump_names(key.roles)
    return key.key_id, key.description, roles, key.reauthentication_timeout, int(key.locked)


def _read_key(row: sqlite3.Row) -> Key:
    return Key(
        key_id=row["key_id"],
        description=row["description"],
        roles=tuple(json.loads(row["roles"])),
        reauthentication_timeout=row["reauthentication_timeout"],
        locked=bool(row["locked"]),
        version=row["version"],
    )


def _read_role(row: sqlite3.Row) -> Role:
    return Role(row["name"], tuple(json.loads(row["permissions"])), row["description"], row["role_id"])


def _dump_names(names: Iterable[str]) -> str:
    return json.dumps(sort_roles(names), ensure_ascii=False)
