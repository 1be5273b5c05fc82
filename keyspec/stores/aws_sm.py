"""`aws-sm:NAME#FIELD`: a value in one field of an AWS secret's JSON; `aws-sm:NAME`: a secret that is just the value.

    mark     put ledger ──► move KEYSPEC                                 (one move of a label: done or not done)
    create   put values ──► move AWSCURRENT ──► put ledger ──► move KEYSPEC

What is put stands nowhere until a label moves to it, and a label moves only from where it was seen
(`UpdateSecretVersionStage` with `RemoveFromVersionId`): that is the compare-and-set, for notes and for values. A kill
after the values and before the ledger is understood, since the mark announced how the ID of that version begins.

The notes are in a version of their own (`ledger`), not in tags: tags are changed without compare-and-set, and hold 256
characters of a few kinds. Nor beside the field: looking would fetch values. A policy can restrict who only plans to
`DescribeSecret`, and to `GetSecretValue` where `secretsmanager:VersionStage` is `KEYSPEC`. Values are read to look at
them only where somebody else has changed a secret that has fields.

AWS keeps about a hundred versions of a secret for a day: a create takes three, so no more than thirty a day belong into
one secret. There is no lock: a mark is alive while its lease lasts. `delete` leaves the secret, without the value:
AWS removes versions that have no label in its own time.
"""

from __future__ import annotations

import os
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

from keyspec.errors import StoreError
from keyspec.record import Content
from keyspec.stores import ABSENT, Capabilities
from keyspec.stores.awssecrets import TIMEOUT_S, AwsSecrets, Unsure, connect
from keyspec.stores.labelled import Found, Labelled
from keyspec.stores.ledger import VALUE_PREFIX, WHOLE, Ledger, add_value, drop_value, pick_value
from keyspec.stores.standing import (
    NOTHING,
    SUFFIXES,
    Standing,
    check_clearable,
    check_ours,
    check_value,
    check_version,
    explained,
    needs_put,
    read_value,
    write_note,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from keyspec.desired import Entry
    from keyspec.record import Kept, Note
    from keyspec.secret import Secret

_ATTEMPTS: Final = 60
"""How often a label may be found elsewhere because other fields of the same secret changed."""

_UNSURE: Final = 2
"""How often a write may be sent whose outcome is unknown."""

_RESTLESS: Final = "other writers change the same secret all the time"
_PAUSE_S: Final = 0.05
_PARALLEL: Final = 8
_NAME: Final = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")


@dataclass(slots=True)
class AwsSmStore:
    """The store of `aws-sm:` references; it connects when it is first used."""

    environ: Mapping[str, str]
    timeout_s: float = TIMEOUT_S
    _aws: AwsSecrets | None = None
    _lock: Lock = field(default_factory=Lock)

    capabilities = Capabilities(readable=True, compare_and_set=True, versions=True, locks=False)

    def preflight(self, entry: Entry) -> None:
        """Raise StoreError unless the entry can be looked at and labels may be moved.

        No request tells whether versions may be put without putting one: that is seen when the mark is put, also
        before a hub is asked.
        """
        with explained(entry, "cannot be kept here"):
            secret = self._open(entry)
            secret.look()
            secret.aws.check_may_write(secret.name)

    def look(self, entry: Entry) -> Kept:
        """Give what stands at an entry."""
        with explained(entry, "cannot be looked at"):
            secret = self._open(entry)
            return secret.judge(secret.look()).to_kept()

    def look_all(self, entries: Iterable[Entry]) -> dict[Entry, Kept | StoreError]:
        """Give what stands at many entries, asking for each secret once."""
        groups: dict[tuple[str, bool], list[Entry]] = {}
        for entry in entries:
            name, mark, _ = entry.reference.rest.partition("#")
            groups.setdefault((name, bool(mark)), []).append(entry)
        with ThreadPoolExecutor(_PARALLEL) as workers:
            return {entry: kept for found in workers.map(self._look_secret, groups.values()) for entry, kept in found}

    def read(self, entry: Entry) -> Secret | None:
        """Give the value; None if there is none."""
        with explained(entry, "cannot be read"):
            secret = self._open(entry)
            found = secret.look()
            text = secret.values(found) if secret.judge(found).has_value else None
        return None if text is None else read_value(entry, pick_value(secret.field, text))

    def put_if_absent(self, entry: Entry, content: Content) -> str:
        """Put content where nothing stands and give its version."""
        return self.replace(entry, ABSENT, content)

    def replace(self, entry: Entry, expected_version: str, content: Content) -> str:
        """Put content where `expected_version` stands and give the new version: the value first, then the note."""
        check_value(entry, content)
        if content.value is not None:
            expected_version = self._bring_value(entry, expected_version, content.note, content.value)
        return self._put_note(entry, expected_version, content.note)

    def set_aside(self, entry: Entry, expected_version: str) -> str:
        """Count the value, if there is one, as an older one, and give the new version."""
        name = _parse(entry)[1]

        def decide(found: Found, standing: Standing) -> Ledger | None:
            check_version(entry, standing, expected_version)
            if standing.has_value:
                note = None if standing.foreign else standing.note
                return found.ledger.with_aside(name, note, found.ledger_version)
            return found.ledger.with_line(name, None) if standing.foreign else None

        return self._change(entry, decide)

    def clear(self, entry: Entry, expected_version: str) -> None:
        """Take away a note that has no value beside it."""
        name = _parse(entry)[1]

        def decide(found: Found, standing: Standing) -> Ledger | None:
            check_clearable(entry, standing, expected_version)
            return found.ledger.without_note(name) if standing != NOTHING else None

        self._change(entry, decide)

    def delete(self, entry: Entry, expected_version: str) -> None:
        """Take away the value, the note, and the label of the older value."""
        if expected_version == ABSENT:
            return
        name = _parse(entry)[1]
        expected = self._drop_value(entry, expected_version)

        def decide(found: Found, standing: Standing) -> Ledger:
            check_ours(entry, standing, expected)
            return found.ledger.with_line(name, None)

        self._change(entry, decide)
        with explained(entry, "is deleted, but its older value stays"):
            self._open(entry).drop_previous()

    def release(self, entry: Entry) -> None:
        """Do nothing: a mark's lease tells how long it is alive."""

    def _open(self, entry: Entry) -> Labelled:
        name, part = _parse(entry)
        with self._lock:
            if self._aws is None:
                self._aws = connect(self.environ, self.timeout_s)
            return Labelled(self._aws, name, part)

    def _look_secret(self, entries: list[Entry]) -> list[tuple[Entry, Kept | StoreError]]:
        """Look at entries of one secret."""
        result: list[tuple[Entry, Kept | StoreError]] = []
        found: Found | None = None
        for entry in entries:
            try:
                with explained(entry, "cannot be looked at"):
                    secret = self._open(entry)
                    found = found or secret.look()
                    result.append((entry, secret.judge(found).to_kept()))
            except StoreError as error:
                result.append((entry, error))
        return result

    def _holds(self, entry: Entry, value: Secret) -> bool:
        there = self.read(entry)
        return there is not None and there.same_as(value)

    def _put_note(self, entry: Entry, expected_version: str, note: Note) -> str:
        name, content = _parse(entry)[1], Content(note)

        def decide(found: Found, standing: Standing) -> Ledger | None:
            if not needs_put(entry, standing, expected_version, content, holds=lambda _: True):
                return None
            return found.ledger.with_note(name, write_note(note), found.ledger_version)

        return self._change(entry, decide)

    def _bring_value(self, entry: Entry, expected: str, note: Note, value: Secret) -> str:
        """Let the value stand beside the note that is there, or beside its own where none is; give that version."""
        with explained(entry, "cannot be written"):
            secret = self._open(entry)
            content = Content(note, value)
            brought, unsure = "", 0
            for attempt in range(_ATTEMPTS):
                found = secret.look()
                standing = secret.judge(found)
                if standing.version == brought:
                    expected = brought
                needed = needs_put(entry, standing, expected, content, holds=lambda there: self._holds(entry, there))
                if not needed or standing.has_value:
                    return standing.version
                if standing.note is None:
                    expected = self._put_note(entry, expected, note)
                    continue
                brought = Standing(standing.note, has_value=True).version
                try:
                    if _put_value(secret, found, value):
                        return brought
                except Unsure:
                    unsure += 1
                    if unsure > _UNSURE:
                        raise
                _pause(attempt)
            raise StoreError(_RESTLESS)

    def _drop_value(self, entry: Entry, expected: str) -> str:
        """Let no value stand beside the note; give that version."""
        with explained(entry, "cannot be deleted"):
            secret = self._open(entry)
            dropped = ""
            for attempt in range(_ATTEMPTS):
                found = secret.look()
                standing = secret.judge(found)
                if standing.version == dropped:
                    return dropped
                check_ours(entry, standing, expected)
                if secret.field not in found.ledger.names:
                    return expected
                dropped = Standing(standing.note, has_value=False).version
                if secret.field == WHOLE:
                    done = secret.leave_values(found)
                else:
                    text = drop_value(secret.field, secret.values(found))
                    done = secret.put_values(found, text, f"{VALUE_PREFIX}dropped-")
                if not done:
                    _pause(attempt)
            raise StoreError(_RESTLESS)

    def _change(self, entry: Entry, decide: Callable[[Found, Standing], Ledger | None]) -> str:
        """Look, decide, put the ledger; again while other fields of the secret change. Give the new version."""
        wanted: Standing | None = None
        unsure = 0
        with explained(entry, "cannot be written"):
            secret = self._open(entry)
            for attempt in range(_ATTEMPTS):
                found = secret.look()
                standing = secret.judge(found)
                if standing == wanted:
                    return standing.version
                if unsure == _UNSURE:
                    raise Unsure("the answer to a write was lost more than once, and it is not there")
                if (ledger := decide(found, standing)) is None:
                    return standing.version
                # boto3 may have sent the move twice: then the second was refused, and the first is what stands.
                wanted = ledger.judge(secret.field)
                try:
                    if secret.commit(found, ledger):
                        return wanted.version
                except Unsure:
                    unsure += 1
                _pause(attempt)
            raise StoreError(_RESTLESS)


def open_aws_sm() -> AwsSmStore:
    """Make the store for this process's environment."""
    return AwsSmStore(os.environ)


def _parse(entry: Entry) -> tuple[str, str]:
    """Give the secret's name, and the field of it: `WHOLE` if there is none."""
    name, mark, part = entry.reference.rest.partition("#")
    if not _NAME.fullmatch(name) or (mark and not part):
        raise StoreError(f"{entry.reference}: write aws-sm:NAME or aws-sm:NAME#FIELD")
    if part.endswith(SUFFIXES):
        endings = ", ".join(SUFFIXES)
        raise StoreError(
            f"{entry.reference}: a field ends in none of {endings}: these belong to the field without them"
        )
    return name, part if mark else WHOLE


def _put_value(secret: Labelled, found: Found, value: Secret) -> bool:
    """Put a value beside the others of its secret, of which the ledger must know first; tell whether it stands."""
    if found.ledger != found.stored:
        secret.commit(found, found.ledger)
        return False
    line = found.ledger.lines[secret.field]
    text = add_value(secret.field, secret.values(found), value.reveal(), line.holds)
    return secret.put_values(found, text, line.put)


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0, _PAUSE_S * min(attempt + 1, 10)))  # noqa: S311 - who waits how long
