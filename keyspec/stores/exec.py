"""`exec:PROGRAM#NAME`: any program as a store. One run an operation: JSON on stdin, JSON on stdout.

PROGRAM runs only if it is named outside the spec (`--allow-exec`, `KEYSPEC_ALLOW_EXEC`): a path as that path, a bare
name, looked up on PATH, as that name. A path in a reference starts from the folder of its spec file, an allowed one
from where keyspec runs. NAME tells the program which entry is meant; {hub} and {key} may stand in it.

    request    {"format": "keyspec-store/1", "operation": OPERATION, "entry": NAME, ...}

    operation       also sent                            answer (exit 0)
    preflight                                            {}: the entry can be written and read; nothing is left behind
    look                                                 STATE
    look_all        "entries": [NAME, ...], no "entry"   {"entries": {NAME: STATE, ...}}, all that were asked for
    read                                                 {"value": string or null}
    put_if_absent   "note": NOTE, "value": string?       {"version": string}
    replace         "version", "note", "value"?          {"version": string}
    set_aside       "version"                            {"version": string or null}: the value is kept elsewhere
    clear           "version"                            {}: takes away a note that has no value beside it
    delete          "version"                            {}: takes away note, value and older value

    NOTE       string: one line, to be given back as it is; no value in it
    STATE      {"note": NOTE or null, "has_value": boolean, "version": string or null}
    version    1 to 1024 printable characters, another one after each change; null where nothing stands
    failure    {"error": {"code": "conflict" | "foreign" | "failed", "message": string?}} (exit 0), or another exit

A program must keep the rules of `keyspec.stores`: compare `version` and change in one step, else `conflict`; put no
value over another one (`conflict`), but the same again changes nothing; `put_if_absent` where a value has no note is
`foreign`; without "value" the value stays. Marks live by their lease, which keyspec judges.

What a program says on stderr, or as a message, is shown through `display()`, and not at all where it was given a value
or has one to handle: read, set_aside, delete, and whatever is sent with a value.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from keyspec.disk import beside
from keyspec.display import display
from keyspec.errors import StoreConflict, StoreError, StoreForeign
from keyspec.record import Content, Kept, dump_note, load_note
from keyspec.secret import Secret
from keyspec.stores import ABSENT, Capabilities
from keyspec.stores.program import run_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keyspec.desired import Entry

FORMAT: Final = "keyspec-store/1"
ALLOW_EXEC: Final = "KEYSPEC_ALLOW_EXEC"
TIMEOUT_S: Final = 60.0

_BATCH: Final = 1000
_MAX_VALUE_CHARACTERS: Final = 4096
_MAX_VERSION_CHARACTERS: Final = 1024
_HANDLE_VALUES: Final = frozenset({"read", "set_aside", "delete"})
_ERRORS: Final[Mapping[str, tuple[type[StoreError], str]]] = {
    "conflict": (StoreConflict, "another writer was first"),
    "foreign": (StoreForeign, "something is there that keyspec did not write"),
}


def open_exec(allowed: tuple[str, ...] | None = None) -> ExecStore:
    """Make the store of `exec:` references; without `allowed`, the environment says which programs may run."""
    words = os.environ.get(ALLOW_EXEC, "").split() if allowed is None else allowed
    return ExecStore(tuple(words), os.environ)


class ExecStore:
    """The store of `exec:` references: runs the `allowed` programs and no other."""

    capabilities: Final = Capabilities(readable=True, compare_and_set=True, versions=False, locks=False)

    def __init__(self, allowed: tuple[str, ...], environ: Mapping[str, str], *, timeout_s: float = TIMEOUT_S) -> None:
        self._allowed: Final = frozenset(_normalise(program) for program in allowed)
        self._environ: Final = environ
        self._timeout_s: Final = timeout_s

    def preflight(self, entry: Entry) -> None:
        """Raise StoreError unless the program says that the entry can be written and read."""
        self._ask(entry, "preflight")

    def look(self, entry: Entry) -> Kept:
        """Give what stands at an entry, without the value."""
        return _read_state(entry, self._ask(entry, "look"))

    def look_all(self, entries: Iterable[Entry]) -> dict[Entry, Kept | StoreError]:
        """Give what stands at many entries, asking each program for many at once."""
        found: dict[Entry, Kept | StoreError] = {}
        groups: dict[str, list[Entry]] = {}
        for entry in entries:
            try:
                groups.setdefault(self._find_program(entry), []).append(entry)
            except StoreError as error:
                found[entry] = error
        for group in groups.values():
            for begin in range(0, len(group), _BATCH):
                found.update(self._look_batch(group[begin : begin + _BATCH]))
        return found

    def read(self, entry: Entry) -> Secret | None:
        """Give the value; None if there is none."""
        value = self._ask(entry, "read").get("value")
        if value is None:
            return None
        if not isinstance(value, str) or not _is_value(value):
            raise StoreError(f"{entry.reference} cannot be read: what the program gave is no value of a key")
        return Secret(value)

    def put_if_absent(self, entry: Entry, content: Content) -> str:
        """Put content where nothing stands and give its version."""
        return _read_version(entry, self._ask(entry, "put_if_absent", **_write_content(entry, content)))

    def replace(self, entry: Entry, expected_version: str, content: Content) -> str:
        """Put content where `expected_version` stands and give the new version."""
        if expected_version == ABSENT:
            return self.put_if_absent(entry, content)
        sent = {"version": expected_version, **_write_content(entry, content)}
        return _read_version(entry, self._ask(entry, "replace", **sent))

    def set_aside(self, entry: Entry, expected_version: str) -> str:
        """Have the value, if there is one, kept elsewhere, and give the new version."""
        if expected_version == ABSENT:
            return ABSENT
        return _read_version(entry, self._ask(entry, "set_aside", version=expected_version))

    def clear(self, entry: Entry, expected_version: str) -> None:
        """Take away a note that has no value beside it."""
        self._ask(entry, "clear", version=expected_version)

    def delete(self, entry: Entry, expected_version: str) -> None:
        """Take away the value, the older value, and the note."""
        if expected_version != ABSENT:
            self._ask(entry, "delete", version=expected_version)

    def release(self, entry: Entry) -> None:
        """Do nothing: a mark lives by its lease."""

    def _look_batch(self, group: list[Entry]) -> dict[Entry, Kept | StoreError]:
        try:
            answer = self._ask(group[0], "look_all", entries=[_split(entry)[1] for entry in group])
        except StoreError as error:
            return dict.fromkeys(group, error)
        states = answer.get("entries")
        if not isinstance(states, dict):
            states = {}
        return {entry: _read_or_tell(entry, states.get(_split(entry)[1])) for entry in group}

    def _find_program(self, entry: Entry) -> str:
        """Give what is run for an entry, if it may be."""
        program, _ = _split(entry)
        named = _normalise(beside(entry.file, program) if "/" in program else program)
        if not program or named not in self._allowed:
            hint = f"name it outside of the spec, with --allow-exec or {ALLOW_EXEC}"
            raise StoreError(f"{entry.reference}: this program is not allowed to run; {hint}")
        return named

    def _ask(self, entry: Entry, operation: str, **sent: Any) -> dict[str, Any]:
        program = self._find_program(entry)
        which = {} if "entries" in sent else {"entry": _split(entry)[1]}
        request = {"format": FORMAT, "operation": operation, **which, **sent}
        what = f"{entry.reference}: {operation}"
        quiet = operation in _HANDLE_VALUES or "value" in sent
        try:
            data = json.dumps(request).encode() + b"\n"
            done = run_program(program, data, environ=self._environ, timeout_s=self._timeout_s)
        except StoreError as error:
            raise StoreError(f"{what}: {error}") from None
        if done.status != 0:
            how = f"exit code {done.status}" if done.status > 0 else f"ended by signal {-done.status}"
            raise StoreError(f"{what}: the program failed ({how}){_quote(done.error, quiet=quiet)}")
        answer = _parse(done.output)
        if answer is None:
            raise StoreError(f"{what}: the program's answer is not one JSON object")
        if "error" in answer:
            raise _read_error(what, answer["error"], quiet=quiet)
        return answer


def _split(entry: Entry) -> tuple[str, str]:
    program, _, name = entry.reference.rest.partition("#")
    return program, name


def _normalise(program: str) -> str:
    return os.path.abspath(program) if "/" in program else program  # noqa: PTH100 - links are not followed


def _quote(error: bytes, *, quiet: bool) -> str:
    """Give what a program said, as far as it may be shown."""
    text = error.decode(errors="replace").strip()
    if not text:
        return ""
    return "; what it said is not shown, for a value may be in it" if quiet else f": {display(text)}"


def _parse(output: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(output)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _read_error(what: str, error: Any, *, quiet: bool) -> StoreError:
    if not isinstance(error, dict):
        error = {}
    kind, why = _ERRORS.get(str(error.get("code")), (StoreError, "the program could not do it"))
    return kind(f"{what}: {why}{_quote(str(error.get('message') or '').encode(errors='replace'), quiet=quiet)}")


def _read_or_tell(entry: Entry, state: Any) -> Kept | StoreError:
    try:
        return _read_state(entry, state)
    except StoreError as error:
        return error


def _read_state(entry: Entry, state: Any) -> Kept:
    if not isinstance(state, dict) or type(state.get("has_value")) is not bool:
        raise StoreError(f"{entry.reference}: the program does not say what stands there")
    text, has_value = state.get("note"), state["has_value"]
    version = _read_version(entry, state)
    if (version == ABSENT) != (text is None and not has_value):
        raise StoreError(f"{entry.reference}: the program gives a version of nothing, or none of something")
    note = load_note(text.encode(errors="replace")) if isinstance(text, str) else None
    return Kept(note, has_value, version, foreign=note is None and (has_value or text is not None))


def _read_version(entry: Entry, answer: dict[str, Any]) -> str:
    version = answer.get("version", "")
    if version is None:
        return ABSENT
    if not isinstance(version, str) or not 0 < len(version) <= _MAX_VERSION_CHARACTERS or not version.isprintable():
        raise StoreError(f"{entry.reference}: the program gives no version")
    return version


def _write_content(entry: Entry, content: Content) -> dict[str, str]:
    sent = {"note": dump_note(content.note).decode().strip()}
    if content.value is None:
        return sent
    if not _is_value(value := content.value.reveal()):
        raise StoreError(f"{entry.reference} cannot be written: this is no value of a key")
    return {**sent, "value": value}


def _is_value(text: str) -> bool:
    return 0 < len(text) <= _MAX_VALUE_CHARACTERS and text.isascii() and text.isprintable()
