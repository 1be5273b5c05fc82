"""`sqlite:PATH#NAME`, an example of a store from outside: a row for each entry, each change one transaction."""

from __future__ import annotations

import posixpath
import sqlite3
from contextlib import closing, contextmanager

from keyspec.errors import StoreConflict, StoreError, StoreForeign
from keyspec.record import Kept, dump_note, load_note
from keyspec.secret import Secret
from keyspec.stores import ABSENT, Capabilities

TABLE = "CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, note BLOB, value TEXT, previous TEXT, version INTEGER)"


class SqliteStore:
    capabilities = Capabilities(readable=True, compare_and_set=True, versions=False, locks=False)

    def preflight(self, entry):
        path, _ = locate(entry)
        if posixpath.exists(path):
            with self._change(entry):
                pass

    def look(self, entry):
        note, value, version = self._find(entry)
        known = None if note is None else load_note(note)
        return Kept(known, value is not None, version, foreign=known is None and version != ABSENT)

    def look_all(self, entries):
        return {entry: self.look(entry) for entry in entries}

    def read(self, entry):
        value = self._find(entry)[1]
        return None if value is None else Secret(value)

    def put_if_absent(self, entry, content):
        return self.replace(entry, ABSENT, content)

    def replace(self, entry, expected_version, content):
        note = dump_note(content.note)
        value = None if content.value is None else content.value.reveal()
        if value is not None and not (value.isascii() and value.isprintable() and len(value) <= 4096):
            raise StoreError(f"{entry.reference} cannot be written: this is no value of a key")
        with self._change(entry) as (database, name):
            stands, kept, version = look_in(database, name)
            if stands is None and kept is not None:
                kind = StoreForeign if expected_version == ABSENT else StoreConflict
                raise kind(f"{entry.reference}: something is there that keyspec did not write")
            if stands != note and version != expected_version:
                raise StoreConflict(f"{entry.reference}: another writer was first")
            if None not in (kept, value) and kept != value:
                raise StoreConflict(f"{entry.reference}: another value stands there")
            if (stands, kept) != (note, value if kept is None else kept):
                database.execute("INSERT OR IGNORE INTO kept (name, version) VALUES (?, 0)", (name,))
                update = "UPDATE kept SET note = ?, value = coalesce(value, ?), version = version + 1 WHERE name = ?"
                database.execute(update, (note, value, name))
            return look_in(database, name)[2]

    def set_aside(self, entry, expected_version):
        with self._expect(entry, expected_version) as (database, name, (_, value, version)):
            if value is None:
                return version
            update = "UPDATE kept SET previous = value, value = NULL, version = version + 1 WHERE name = ?"
            database.execute(update, (name,))
            return look_in(database, name)[2]

    def clear(self, entry, expected_version):
        with self._expect(entry, expected_version) as (database, name, (_, value, _version)):
            if value is not None:
                raise StoreConflict(f"{entry.reference}: a value stands beside the note")
            database.execute("UPDATE kept SET note = NULL, version = version + 1 WHERE name = ?", (name,))

    def delete(self, entry, expected_version):
        if expected_version == ABSENT:
            return
        with self._expect(entry, expected_version) as (database, name, (note, *_)):
            if note is None:
                raise StoreConflict(f"{entry.reference}: it was not written by keyspec")
            database.execute("DELETE FROM kept WHERE name = ?", (name,))

    def release(self, entry):
        pass

    def _find(self, entry):
        path, name = locate(entry)
        if not posixpath.exists(path):
            return None, None, ABSENT
        with closing(sqlite3.connect(path, timeout=30)) as database:
            return look_in(database, name)

    @contextmanager
    def _change(self, entry):
        path, name = locate(entry)
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute(TABLE)
            try:
                yield database, name
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    @contextmanager
    def _expect(self, entry, version):
        with self._change(entry) as (database, name):
            found = look_in(database, name)
            if found[2] != version:
                raise StoreConflict(f"{entry.reference}: it has changed since it was looked at")
            yield database, name, found


def locate(entry):
    path, _, name = entry.reference.rest.rpartition("#")
    return posixpath.join(posixpath.dirname(entry.file), path), name


def look_in(database, name):
    """Give note, value and version of a row."""
    row = database.execute("SELECT note, value, version FROM kept WHERE name = ?", (name,)).fetchone()
    if row is None or row[:2] == (None, None):
        return None, None, ABSENT
    return row[0], row[1], str(row[2])
