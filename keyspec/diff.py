"""Two keys to the changes between them: only fields that are declared and known, only those that differ.

Equality decides; deepdiff names the fields of the few keys that differ, and is imported for those alone. The same
drift on many hubs is explained once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from keyspec.model import FIELDS
from keyspec.plan import Change

if TYPE_CHECKING:
    from keyspec.desired import DesiredKey
    from keyspec.model import FieldValue, Key

Values = tuple["FieldValue", ...]


def compare_keys(desired: DesiredKey, live: Key) -> tuple[Change, ...]:
    """Give the changes that make a live key what is declared, in the order of `model.FIELDS`.

    A field that the hub does not tell (None) gives no change; see `unknown_fields`. A declared `absent` is no field.
    """
    wanted = _declared(desired)
    if all(want is None or have is None or want == have for want, have in zip(wanted, _live(live), strict=True)):
        return ()
    return _explain(wanted, _live(live))


def unknown_fields(desired: DesiredKey, live: Key) -> tuple[str, ...]:
    """Name the declared fields that the hub does not tell; a declared `absent` needs the state to be known."""
    wanted = (*_declared(desired)[:-1], desired.state)
    pairs = zip(FIELDS, wanted, _live(live), strict=True)
    return tuple(name for name, want, have in pairs if want is not None and have is None)


def _declared(desired: DesiredKey) -> Values:
    state = None if desired.state == "absent" else desired.state
    return (desired.description, desired.roles, desired.reauth_timeout_s, state)


def _live(live: Key) -> Values:
    return (live.description, live.roles, live.reauth_timeout_s, live.state)


@lru_cache(maxsize=4096)
def _explain(wanted: Values, have: Values) -> tuple[Change, ...]:
    from deepdiff import DeepDiff
    from deepdiff.operator import BaseOperator

    class Whole(BaseOperator):
        """Takes a field as one value: where in a text of megabytes a difference lies would take seconds to find."""

        def match(self, level: Any) -> bool:
            return not isinstance(level.t1, dict)

        def give_up_diffing(self, level: Any, diff_instance: Any) -> bool:
            if level.t1 != level.t2:
                diff_instance.custom_report_result("values_changed", level)
            return True

    compared = [name for name, want, is_ in zip(FIELDS, wanted, have, strict=True) if None not in (want, is_)]
    before = {name: value for name, value in zip(FIELDS, have, strict=True) if name in compared}
    after = {name: value for name, value in zip(FIELDS, wanted, strict=True) if name in compared}
    differing = DeepDiff(before, after, custom_operators=[Whole()]).affected_root_keys
    return tuple(Change(name, before[name], after[name]) for name in FIELDS if name in differing)
