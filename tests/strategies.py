"""Shared hypothesis strategies: values of the core, as planning could have made them.

`texts` are hostile: control characters, bidi marks, CI commands. `plans` and `reports` are coherent: numbers count
from 1, steps stand on hubs that were read, the summary says what the steps say.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import get_args

from builders import FOREIGN, ROLES, hub_of, mark, record, spec_of
from hypothesis import settings
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


# Worlds: a spec, what is live, what the stores hold, and what a run allows. Few names, so that they meet. They are made
# by a generator from a seed: dense with what matters, and a hundred times faster than drawn choice by choice.

KEY_IDS = ("ci_a", "ci_b", "ci_c", "ci_d", "ci_lost", "own", "spare", "theirs")
_ROLE_SETS = (("User",), ("Operator",), ("Operator", "User"), ("Auditor",), ("Administrator",))


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

    def _repr_pretty_(self, printer, _cycle):  # what hypothesis asks for
        printer.text(repr(self))


def thorough(test):
    """Try a law on ten times the worlds that the profile asks for: worlds are cheap."""
    return settings(max_examples=10 * settings().max_examples)(test)


def worlds(*, told=True, records=True):
    """Build a spec, hubs, stores and a policy that have much to do with each other.

    `told` False: hubs may leave out fields of a key. `records` False: nothing is known of the stores.
    """
    seeds = st.integers(min_value=0, max_value=2**40)
    return seeds.map(lambda seed: _Maker(Random(seed), told=told).make(records=records))


class _Maker:
    def __init__(self, random, *, told):
        self.random, self.told = random, told

    def make(self, *, records):
        spec = self.spec()
        desired = spec_of(json.dumps(spec))
        live = {name: self.hub(name) for name in desired.hubs}
        kept = {}
        for name, hub in desired.hubs.items() if records else ():
            for key_id in hub.keys:
                if (found := self.record(name, key_id, (live[name].keys or {}).get(key_id))) is not None:
                    kept[name, key_id] = found
        return World(spec, desired, live, kept, self.policy())

    def rarely(self, one_in=8):
        return self.random.randrange(one_in) == 0

    def often(self):
        return self.random.random() < 0.5

    def fields(self, *names, chance=0.4):
        made = {
            "description": lambda: self.random.choice(("", "one")),
            "roles": lambda: list(self.random.choice(_ROLE_SETS)),
            "reauth_timeout": lambda: self.random.choice((30, 60, 300)),
            "state": lambda: self.random.choice(("active", "locked", "absent")),
        }
        return {name: make() for name, make in made.items() if name in names and self.random.random() < chance}

    def spec(self):
        names = ("lab", "prod") if self.often() else ("lab",)
        return {
            "keyspec": 1,
            "hubs": {name: self.hub_document(name) for name in names},
            "defaults": {"store": "file:{hub}/{key}", **self.fields("description", "reauth_timeout", chance=0.2)},
            "profiles": {"pipe": self.fields("description", "roles", "reauth_timeout")},
            "ownership": {
                "key_ids": self.random.choice((["ci_*"], ["ci_*"], ["*"], ["own", "ci_a"], [])),
                "unlisted": self.random.choice(("report", "lock", "delete")),
            },
            "guards": {"unlock": self.rarely(), "max_deletes": 100},
            "keys": {key_id: self.key_document(names) for key_id in self.declared()},
        }

    def hub_document(self, name):
        return {
            "url": f"https://{name}.example",
            "auth": "env:A",
            "auth_key_id": ["own", "spare"],
            "labels": {"env": name},
        }

    def declared(self):
        return [
            key_id
            for key_id in KEY_IDS
            if (self.rarely() if key_id in ("own", "spare") else self.random.random() < 0.6)
        ]

    def key_document(self, names):
        document = {"roles": list(self.random.choice(_ROLE_SETS))} | self.fields(
            "description", "reauth_timeout", "state"
        )
        if self.rarely(3):
            document["extends"] = "pipe"
        if self.rarely():
            document["protected"] = True
        if self.rarely(4):
            document["hubs"] = [self.random.choice((names[-1], f"env={names[0]}"))]
        if self.rarely(4):
            document["per_hub"] = {
                self.random.choice((*names, "*")): self.fields("description", "roles", "reauth_timeout", "state")
            }
        return document

    def hub(self, name):
        if self.rarely(20):
            return hub_of(name=name, error="no route")
        held = [key_id for key_id in (*KEY_IDS, "not a name") if key_id != "own" and self.random.random() < 0.7]
        roles = None if self.rarely(4) else ROLES
        return hub_of(*(self.key(key_id) for key_id in held), name=name, own=not self.rarely(), roles=roles)

    def key(self, key_id):
        key = Key(
            key_id,
            self.random.choice(("", "one", "two")),
            self.random.choice(_ROLE_SETS),
            self.random.choice((30, 60, 300)),
            self.random.choice(("active", "active", "locked")),
        )
        hidden = ("description", "roles", "reauth_timeout_s", "state")
        return key if self.told or not self.rarely(3) else replace(key, **{self.random.choice(hidden): None})

    def record(self, hub, key_id, live):
        image = live or Key(key_id, "", ("User",), 60, "active")
        image = Key(key_id, image.description or "", image.roles or ("User",), image.reauth_timeout_s or 60, "active")
        return self.random.choice(
            (
                None,
                None,
                record(key_id, hub),
                record(key_id, hub, locked_by_keyspec=True),
                record(key_id, hub, value=False),
                mark(image, hub),
                mark(image, hub),
                mark(replace(image, description="one"), hub),
                mark(replace(image, roles=("User",), description=""), hub),
                mark(image, hub, busy=True),
                mark(image, hub, value=True),
                FOREIGN,
                "denied",
            )
        )

    def policy(self):
        return {
            "allow_delete": self.often(),
            "allow_unlock": self.often(),
            "keys": tuple(sorted(self.random.sample((*KEY_IDS, "ci_*"), 3))) if self.rarely(4) else (),
            "take_over": tuple(sorted(self.random.sample(KEY_IDS, 2))) if self.rarely(4) else (),
        }
