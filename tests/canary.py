"""The canary: after every scenario no value of a key and no credential is anywhere but where it belongs.

    with watch(folder) as canary:            from here on every value that a hub makes or is given is known
        canary.said.append(output)
        canary.search()                      done once more at the end

A value may be in the store, in the spool and on the hubs. In the store: in `PATH` and `PATH.prev` of the `file:`
references that the specs below the folder have for stores, on its own line of the file of a `dotenv:` reference, and
in `PATH.tmp` from a kill until the scenario has settled. All of these, and the spool, are 0600 or sealed. Where a test
puts values itself, it says so with `allow`. Everywhere else they are looked for: in the other files, the notes among
them, in names, in what was said, in logs of any level, in the folder for temporary files. The credentials by which
keyspec came to the hubs are no business of the store's or the spool's, either.

Values of less than 20 characters are no canaries: they may stand somewhere by chance. Of each form the first and the
last 16 characters count as the whole, since tables and limits cut what they show.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import re
import stat
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from ruamel.yaml import YAML

import keyspec.devhub.hub
import keyspec.devhub.wirelog
import keyspec.turn
from keyspec.devhub.hub import Hub, digest_value
from keyspec.devhub.wirelog import redact_fields
from keyspec.turn import make_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LEAST = 20
PIECE = 16
MOST_SPEC_BYTES = 64_000

_TOKEN = re.compile(r"[!-~]+")
_ENVIRONMENT = re.compile(r"\benv:([A-Za-z_][A-Za-z0-9_]*)")


@dataclass
class Canary:
    """The values of one scenario, and where they may be.

    `killed` says that a process was, and that nothing has settled since. `further` gives other places to search.
    """

    folder: Path
    temporary: Path
    values: set[str] = field(default_factory=set)
    credentials: set[str] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    log: io.StringIO = field(default_factory=io.StringIO)
    killed: bool = False
    further: Callable[[], Mapping[str, str]] = dict
    _before: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    _allowed: set[Path] = field(default_factory=set)
    _specs: set[tuple[Path, str]] = field(default_factory=set)
    _names: dict[str, set[str]] = field(default_factory=lambda: {"hubs": set(), "keys": set(), "env": set()})
    _stores: set[tuple[Path, str]] = field(default_factory=set)

    def add(self, *values):
        """Note what must not be found."""
        self.values.update(value for value in values if isinstance(value, str) and len(value) >= LEAST)

    def allow(self, path):
        """Declare a file in which the test itself puts a value."""
        self._allowed.add(Path(self.folder, path))

    def read_specs(self, environ=None):
        """Note what the specs that are there now name as stores, and the values that they take from `environ`."""
        for path in self._list_paths():
            if path.suffix in (".yaml", ".yml") and path.is_file() and path.stat().st_size <= MOST_SPEC_BYTES:
                self._read_spec(path, path.read_text("utf-8", errors="replace"))
        for name in self._names["env"]:
            value = (os.environ if environ is None else environ).get(name)
            if value != self._before.get(name):
                self.add(value)

    def search(self):
        """Look for every value in every place where none belongs.

        Raises:
            AssertionError: one is there; it is not shown.
        """
        self.read_specs()
        texts = {f"output {number}": text for number, text in enumerate(self.said)}
        texts |= {"log": self.log.getvalue(), **self.further()}
        places = {name: _to_bytes(text) for name, text in texts.items()}
        kept = {}
        exempt, spots = self._list_exempt()
        for number, path in enumerate(self._list_paths()):
            name = str(path.relative_to(self.folder if path.is_relative_to(self.folder) else self.temporary))
            places[f"name {number}"] = os.fsencode(name)
            places[name], kept[name] = self._read_file(path, exempt, spots)
        if left := [*_find_any(self.values, places), *_find_any(self.credentials, kept)]:
            raise AssertionError(f"a value was left there: {left}")

    def _read_spec(self, path, text):
        if (path, text) in self._specs:
            return
        self._specs.add((path, text))
        self._names["env"] |= set(_ENVIRONMENT.findall(text))
        try:
            spec = YAML(typ="safe").load(text)
        except Exception:  # noqa: BLE001 - what is no spec names no store
            return
        for section in ("hubs", "keys"):
            named = spec.get(section) if isinstance(spec, dict) else None
            self._names[section] |= set(map(str, named)) if isinstance(named, dict) else set()
        self._stores |= {(path.parent, reference) for reference in _find_stores(spec)}

    def _list_exempt(self):
        """Give the files that may be values, and of files with lines the names that may have one."""
        exempt, spots = set(), {}
        for folder, template in self._stores:
            for reference in self._expand(template):
                scheme, _, path = reference.partition(":")
                path, _, name = path.rpartition("#") if scheme == "dotenv" else (path, "", "")
                whole = Path(os.path.normpath(folder / path))
                beside = f"{whole}.{name}" if name else f"{whole}"
                exempt.add(Path(f"{beside}.prev"))
                exempt |= {Path(f"{beside}.tmp"), Path(f"{whole}.tmp")} if self.killed else set()
                if name:
                    spots.setdefault(whole, set()).add(name)
                else:
                    exempt.add(whole)
        return exempt, spots

    def _expand(self, template):
        """Give what a reference means for the hubs and keys of the specs; sealed values need no exemption."""
        if not template.startswith(("file:", "dotenv:")):
            return set()
        return {
            template.replace("{hub}", hub).replace("{key}", key)
            for hub in self._names["hubs"] or ("",)
            for key in self._names["keys"] or ("",)
        }

    def _read_file(self, path, exempt, spots):
        """Give what of a file is searched for values, and what for credentials alone.

        A value that may be there is to be searched for elsewhere.
        """
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            return os.fsencode(path.readlink()), b""
        if not stat.S_ISREG(found.st_mode):
            return b"", b""
        data = path.read_bytes()
        if path in self._allowed:
            self._add_whole(data)
            return b"", b""
        if stat.S_IMODE(found.st_mode) != 0o600:
            return data, b""
        if path in exempt or (_is_spool(path) and path.suffix != ".age"):
            self._add_whole(data)
            return b"", data
        lines = "|".join(spots.get(path, ["(?!)"])).encode()
        return re.sub(rb"(?m)^(?:export )?(?:%s)=.*$" % lines, b"", data), data

    def _add_whole(self, data):
        """Note the value that a file is, or that its JSON holds."""
        text = data.decode(errors="replace")
        try:
            content = json.loads(text)
        except ValueError:
            content = text
        value = content.get("value") if isinstance(content, dict) else text.removesuffix("\n")
        if isinstance(value, str) and _TOKEN.fullmatch(value):
            self.add(value)

    def _list_paths(self):
        for top in (self.folder, self.temporary):
            for folder, folders, names in os.walk(top):
                yield from (Path(folder, name) for name in (*folders, *names))


@contextmanager
def watch(folder):
    """Know every value from here on; search at the end, unless something else has failed."""
    with (
        tempfile.TemporaryDirectory(prefix=f"{folder.name}-", dir=folder.parent) as temporary,
        pytest.MonkeyPatch.context() as patch,
    ):
        canary = Canary(folder, Path(temporary))
        patch.setenv("TMPDIR", temporary)
        patch.setattr(tempfile, "tempdir", temporary)
        _listen(canary, patch)
        with _write_log(canary.log):
            yield canary
        canary.search()


def _listen(canary, patch):
    """Note what the hubs of this process make, hold or are sent, and what keyspec makes in this process."""
    ensure_admin = Hub.ensure_admin

    def digest(value, *, pepper):
        canary.add(value)
        return digest_value(value, pepper=pepper)

    def redact(content, secret):
        if isinstance(content, dict):
            canary.add(*(content[name] for name in secret if name in content))
        return redact_fields(content, secret)

    def make(*args):
        value = make_value(*args)
        canary.add(value.reveal())
        return value

    def ensure(self, *args, value, **more):
        canary.credentials.add(value)
        return ensure_admin(self, *args, value=value, **more)

    patch.setattr(keyspec.devhub.hub, "digest_value", digest)
    patch.setattr(Hub, "ensure_admin", ensure)
    patch.setattr(keyspec.devhub.wirelog, "redact_fields", redact)
    patch.setattr(keyspec.turn, "make_value", make)


@contextmanager
def _write_log(stream):
    """Write all that is logged, at any level, and leave what else hears of it as it is."""
    root, handler = logging.getLogger(), logging.StreamHandler(stream)
    before = root.level
    levels = [(other, other.level) for other in root.handlers]
    for other, level in levels:
        other.setLevel(max(level, before))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
        for other, level in levels:
            other.setLevel(level)


def forms_of(value):
    """Give the forms in which a value could lie about."""
    raw = _to_bytes(value)
    yield from (value, raw.hex(), raw.hex().upper(), quote(raw, safe=""), quote(raw), json.dumps(value)[1:-1])
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(bytes(offset) + raw).decode()
            yield text[4 if offset else 0 : len(text) // 4 * 4 - 4]


@lru_cache(maxsize=4096)
def pieces_of(value):
    """Give the ends of all forms of a value, each as long as the others, so that a text is read but once."""
    forms = [_to_bytes(form) for form in forms_of(value)]
    return frozenset(piece for form in forms for piece in (form[:PIECE], form[-PIECE:]))


def _find_any(values, places):
    """Give the places in which any of the values is, in any form."""
    pieces = {piece for value in tuple(values) for piece in pieces_of(value)}
    return [place for place, data in places.items() if not pieces.isdisjoint(_cut(data))]


def _cut(data):
    """Give all pieces of a text."""
    return (data[begin : begin + PIECE] for begin in range(len(data) - PIECE + 1))


def _to_bytes(text):
    return text.encode("utf-8", "surrogatepass")


def _find_stores(spec):
    """Give what stands under any `store` of a spec: one reference, or a primary one with replicas."""
    rest, seen = [spec], set()
    while rest:
        node = rest.pop()
        if not isinstance(node, dict | list) or id(node) in seen:
            continue
        seen.add(id(node))
        rest += node.values() if isinstance(node, dict) else node
        store = node.get("store") if isinstance(node, dict) else None
        found = [store.get("primary"), *(store.get("replicas") or ())] if isinstance(store, dict) else [store]
        yield from (reference for reference in found if isinstance(reference, str))


def _is_spool(path):
    return path.parent.parts[-2:] == ("keyspec", "spool")
