"""Shared hypothesis strategies: values of the core, as planning could have made them.

`texts` are hostile: control characters, bidi marks, CI commands. `plans` and `reports` are coherent: numbers count
from 1, steps stand on hubs that were read, the summary says what the steps say.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import get_args

from builders import FOREIGN, ROLES, hub_of, mark, record, spec_of
from hypothesis import strategies as st

from keyspec.grid import GridRow
from keyspec.model import Key
from keyspec.plan import Action, Change, Finding, HubRow, Plan, Step, Summary
from keyspec.report import HubResult, Outcome, Report, StepResult
from keyspec.source import Source

HOSTILE = (
    "::error file=a::b",
    "##[group]x",
    "##vso[task.setvariable]x",
    "\x1b[2J\x1b]0;x\x07",
    "a\r\nb",
    "\u202eevil\u2069",
    "zero\u200bwidth",
    "\ufeff",
    "\x7f\x9b31m",
    "@team ![x](http://x)",
    "=cmd|' /C calc'!A0",
    "<script>",
    "a:",
    ":",
    "#",
    "日本語",
    "e\u0301",
)

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True)
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=12), names, st.just(""))
name_sets = st.lists(texts, max_size=3, unique=True).map(lambda found: tuple(sorted(found)))
seconds = st.integers(min_value=0, max_value=10**7)
states = st.sampled_from(["active", "locked"])
digests = st.integers(min_value=0, max_value=2**64).map(lambda number: f"sha256:{number:064x}")
sources = st.builds(
    Source,
    file=texts,
    line=st.integers(min_value=1, max_value=10**6),
    column=st.integers(min_value=1, max_value=500),
)
actions = st.sampled_from(get_args(Action))
outcomes = st.sampled_from(get_args(Outcome))


def keys(key_ids=names):
    """Build keys; every field may be None."""
    return st.builds(
        Key,
        key_id=key_ids,
        description=st.none() | texts,
        roles=st.none() | name_sets,
        reauth_timeout_s=st.none() | seconds,
        state=st.none() | states,
    )


_VALUES = {"description": texts, "roles": name_sets, "reauth_timeout": seconds, "state": states}


def changes():
    """Build changes with values that fit their field."""
    return st.sampled_from(sorted(_VALUES)).flatmap(
        lambda field: st.builds(Change, st.just(field), st.none() | _VALUES[field], st.none() | _VALUES[field])
    )


def steps(hubs=names, key_ids=texts):
    """Build steps, not numbered."""
    return st.builds(
        Step,
        hub=hubs,
        key_id=key_ids,
        action=actions,
        reason=texts,
        reversible=st.booleans(),
        changes=st.lists(changes(), max_size=4, unique_by=lambda change: change.field).map(tuple),
        expects=digests,
        phase=st.integers(min_value=0, max_value=5),
        held_by=st.none() | st.sampled_from(["--allow-delete", "--allow-unlock"]) | texts,
        source=st.none() | sources,
        bites_within_s=st.none() | seconds,
        gives=name_sets,
        takes=name_sets,
    )


def findings(hubs=names):
    """Build findings."""
    return st.builds(
        Finding,
        code=names,
        severity=st.sampled_from(["info", "warning"]),
        message=texts,
        hub=st.none() | hubs,
        key_id=st.none() | texts,
        source=st.none() | sources,
    )


@st.composite
def hub_rows(draw, name=names):
    """Build a hub that was read, or one with its error."""
    status = draw(st.sampled_from(["read", "read", "unreadable", "refused"]))
    return HubRow(
        name=draw(name),
        url=draw(texts),
        status=status,
        live_keys=draw(st.integers(min_value=0, max_value=10**6)) if status != "unreadable" else None,
        error=None if status == "read" else draw(texts),
    )


def number_steps(drawn):
    """Number steps from 1."""
    numbered = []
    for number, step in enumerate(drawn, start=1):
        fields = {name: getattr(step, name) for name in Step.__slots__}
        numbered.append(Step(**{**fields, "number": number}))
    return tuple(numbered)


def summarize(drawn, *, unchanged=0, unlisted=0):
    """Count steps as a summary does."""
    counts = Counter("held" if step.held else step.action for step in drawn)
    counts["import_"] = counts.pop("import", 0)
    return Summary(**counts, unchanged=unchanged, unlisted=unlisted)


@st.composite
def plans(draw, max_steps=6):
    """Build coherent plans, with steps that repeat over hubs."""
    hubs = draw(st.lists(hub_rows(), max_size=5, unique_by=lambda hub: hub.name))
    read = [hub.name for hub in hubs if hub.status == "read"]
    drawn = draw(st.lists(steps(hubs=st.sampled_from(read)), max_size=max_steps)) if read else []
    if drawn and draw(st.booleans()):
        first = {name: getattr(drawn[0], name) for name in Step.__slots__}
        drawn += [Step(**{**first, "hub": name}) for name in read]
    numbered = number_steps(drawn)
    all_names = st.sampled_from([hub.name for hub in hubs]) if hubs else names
    return Plan(
        spec=draw(digests),
        hubs=tuple(hubs),
        steps=numbered,
        findings=tuple(draw(st.lists(findings(all_names), max_size=4))),
        summary=summarize(numbered, unchanged=draw(seconds), unlisted=draw(seconds)),
    )


@st.composite
def reports(draw):
    """Build reports of coherent plans."""
    plan = draw(plans())
    errors = st.none() | texts
    return Report(
        plan=plan,
        results=tuple(StepResult(step, draw(outcomes), draw(errors)) for step in plan.steps),
        hubs=tuple(HubResult(hub.name, draw(st.none() | st.booleans()), draw(errors)) for hub in plan.hubs),
        interrupted=draw(st.booleans()),
    )


grid_rows = st.builds(
    GridRow,
    hub=names,
    key_id=texts,
    roles=st.none() | name_sets,
    reauth_timeout_s=st.none() | seconds,
    locked=st.none() | st.booleans(),
    declared=st.booleans(),
)


# Worlds: a spec, what is live, what the stores hold, and what a run allows. Few names, so that they meet.

KEY_IDS = ("ci_a", "ci_b", "ci_c", "ci_lost", "own", "spare", "theirs")
HUBS = ("lab", "prod")
_ROLES = st.lists(st.sampled_from(sorted(ROLES)), min_size=1, max_size=3, unique=True)
_DESCRIPTIONS = st.sampled_from(["", "one", "two"])
_TIMEOUTS = st.sampled_from([30, 60, 300])
_FIELDS = {"description": _DESCRIPTIONS, "roles": _ROLES, "reauth_timeout": _TIMEOUTS}
_STATES = st.sampled_from(["active", "locked", "absent"])


@dataclass(frozen=True, repr=False)
class World:
    """Everything a plan is made from; `spec` is the document that `desired` was resolved from."""

    spec: dict
    desired: object
    live: dict
    records: dict
    policy: dict

    def __repr__(self):
        return f"spec = {json.dumps(self.spec)}\nlive = {self.live}\nrecords = {self.records}\npolicy = {self.policy}"


@st.composite
def specs(draw, own_keys=True):
    """Build spec documents that are valid."""
    ids = [key_id for key_id in KEY_IDS if own_keys or key_id not in ("own", "spare")]
    declared = draw(st.lists(st.sampled_from(ids), unique=True, max_size=5))
    names = draw(st.sampled_from([HUBS[:1], HUBS]))
    return {
        "keyspec": 1,
        "hubs": {name: _hub_document(name) for name in names},
        "defaults": {"store": "file:{hub}/{key}", **draw(_some(_FIELDS, "roles"))},
        "profiles": {"pipe": draw(_some(_FIELDS))},
        "ownership": {
            "key_ids": draw(st.lists(st.sampled_from(["ci_*", "ci_a", "*", "own"]), max_size=2)),
            "unlisted": draw(st.sampled_from(["report", "lock", "delete"])),
        },
        "guards": {"unlock": draw(st.booleans()), "max_change_share": "100%"},
        "keys": {key_id: draw(_key_documents(names)) for key_id in declared},
    }


def _hub_document(name):
    return {"url": f"https://{name}.example", "auth": "env:A", "auth_key_id": ["own", "spare"], "labels": {"env": name}}


def _some(fields, *without):
    return st.fixed_dictionaries({}, optional={name: value for name, value in fields.items() if name not in without})


@st.composite
def _key_documents(draw, names):
    fields = draw(_some(_FIELDS, "roles") | _some(_FIELDS, "roles").map(lambda found: {"extends": "pipe", **found}))
    fields["roles"] = draw(_ROLES)
    if draw(st.booleans()):
        fields["state"] = draw(_STATES)
    if draw(st.integers(min_value=0, max_value=4)) == 0:
        fields["protected"] = True
    if draw(st.booleans()):
        fields["hubs"] = [draw(st.sampled_from([*names, *(f"env={name}" for name in names)]))]
    if draw(st.booleans()):
        override = draw(_some(_FIELDS | {"state": _STATES}))
        fields["per_hub"] = {draw(st.sampled_from([*names, "*"])): override}
    return fields


@st.composite
def lives(draw, name, *, told=True):
    """Build a hub that was read, or, rarely, one that was not; `told` False: fields may be missing."""
    if draw(st.integers(min_value=0, max_value=9)) == 0:
        return hub_of(name=name, error="no route")
    held = draw(st.lists(st.sampled_from(KEY_IDS), unique=True, max_size=6))
    maybe = (lambda value: value) if told else (lambda value: st.none() | value)
    found = [
        Key(
            key_id,
            draw(maybe(_DESCRIPTIONS)),
            draw(maybe(_ROLES.map(lambda roles: tuple(sorted(roles))))),
            draw(maybe(_TIMEOUTS)),
            draw(maybe(states)),
        )
        for key_id in held
    ]
    return hub_of(*found, name=name, own=draw(st.integers(min_value=0, max_value=5)) > 0, roles=draw(st.sampled_from([ROLES, ROLES, None])))


@st.composite
def _records(draw, hub, key_id, live):
    image = live or Key(key_id, "", ("User",), 60, "active")
    image = Key(key_id, image.description or "", image.roles or ("User",), image.reauth_timeout_s or 60, "active")
    return draw(
        st.sampled_from(
            [
                None,
                record(key_id, hub),
                record(key_id, hub, locked_by_keyspec=True),
                record(key_id, hub, value=False),
                mark(image, hub),
                mark(replace(image, description="another"), hub),
                mark(image, hub, busy=True),
                mark(image, hub, value=True),
                FOREIGN,
                "denied",
            ]
        )
    )


@st.composite
def worlds(draw, *, told=True, records=True):
    """Build a spec, hubs, stores and a policy that have much to do with each other."""
    document = draw(specs())
    desired = spec_of(json.dumps(document))
    live = {name: draw(lives(name, told=told)) for name in desired.hubs}
    kept = {}
    for name, hub in desired.hubs.items() if records else ():
        for key_id in hub.keys:
            if (found := draw(_records(name, key_id, (live[name].keys or {}).get(key_id)))) is not None:
                kept[name, key_id] = found
    policy = {
        "allow_delete": draw(st.booleans()),
        "allow_unlock": draw(st.booleans()),
        "keys": tuple(draw(st.lists(st.sampled_from([*KEY_IDS, "ci_*"]), max_size=2, unique=True))) if draw(st.booleans()) else (),
        "take_over": tuple(draw(st.lists(st.sampled_from(KEY_IDS), max_size=2, unique=True))),
    }
    return World(document, desired, live, kept, policy)
