"""One AWS secret as a row of versions and labels: looked at in one moment, changed by moving one label at a time."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keyspec.errors import StoreError
from keyspec.stores.awssecrets import CURRENT, LABEL, PREVIOUS, AwsSecrets, Labels
from keyspec.stores.ledger import LEDGER_PREFIX, WHOLE, Ledger, dump_ledger, list_names, load_ledger, name_ledger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keyspec.stores.standing import Standing

_LOOKS: Final = 10
_PAUSE_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Found:
    """A secret at one moment: its labels, None if it is not there; its ledger as stored, and as it is by now."""

    labels: Labels | None
    stored: Ledger
    ledger: Ledger

    @property
    def ledger_version(self) -> str | None:
        """The version the ledger was found in."""
        return self.labels.at(LABEL) if self.labels else None

    @property
    def current(self) -> str | None:
        """The version that AWSCURRENT is at; while there are no values, AWS has it at the first ledger."""
        return self.labels.at(CURRENT) if self.labels else None


@dataclass(frozen=True, slots=True)
class Labelled:
    """A secret, and the field of it that an entry is."""

    aws: AwsSecrets
    name: str
    field: str

    def look(self) -> Found:
        """Give labels and ledger of one moment: a version never changes, so the one its label was at will do."""
        for _ in range(_LOOKS):
            labels = self.aws.labels(self.name)
            if labels is None:
                return Found(None, Ledger(), Ledger())
            if (stored := self._load(labels.at(LABEL))) is not None:
                stored.check_kind(self.field)
                return Found(labels, stored, stored.at(_values_at(labels), self._list_names))
            time.sleep(_PAUSE_S)
        raise StoreError("the secret changes all the time")

    def judge(self, found: Found) -> Standing:
        """Tell what stands at the entry."""
        return found.ledger.judge(self.field)

    def values(self, found: Found) -> str | None:
        """Give the text of the version that AWSCURRENT is at; None if that is not one of values."""
        version = found.ledger.current
        if version is None:
            return None
        if (text := self.aws.text(self.name, version)) is None:
            raise StoreError("the version labelled AWSCURRENT cannot be found")
        return text

    def commit(self, found: Found, ledger: Ledger) -> bool:
        """Put another ledger if nobody did since; tell whether it stands."""
        text = dump_ledger(ledger)
        version = name_ledger(text, found.ledger_version)
        if found.labels is None:
            self.aws.create(self.name)
        self.aws.put(self.name, version, text)
        return self.aws.move(self.name, LABEL, seen_at=found.ledger_version, to=version)

    def put_values(self, found: Found, text: str, prefix: str) -> bool:
        """Put other values if nobody did since; tell whether they stand."""
        version = prefix + secrets.token_hex(8)
        self.aws.put(self.name, version, text)
        return self.aws.move(self.name, CURRENT, seen_at=found.current, to=version)

    def leave_values(self, found: Found) -> bool:
        """Point AWSCURRENT at the ledger, which holds no value."""
        return self.aws.move(self.name, CURRENT, seen_at=found.current, to=found.ledger_version)

    def drop_previous(self) -> None:
        """Take the label off the values before these, so that AWS removes them."""
        labels = self.aws.labels(self.name)
        if labels and (version := labels.at(PREVIOUS)) and not version.startswith(LEDGER_PREFIX):
            self.aws.move(self.name, PREVIOUS, seen_at=version, to=None)

    def _load(self, version: str | None) -> Ledger | None:
        if version is None:
            return Ledger()
        found = self.aws.ledger_text(self.name)
        return load_ledger(found[1]) if found is not None and found[0] == version else None

    def _list_names(self, version: str) -> Iterable[str]:
        if self.field == WHOLE:
            return (WHOLE,)
        if (text := self.aws.text(self.name, version)) is None:
            raise StoreError("the version labelled AWSCURRENT cannot be found")
        return list_names(self.field, text)


def _values_at(labels: Labels) -> str | None:
    version = labels.at(CURRENT)
    return None if version is None or version.startswith(LEDGER_PREFIX) else version
