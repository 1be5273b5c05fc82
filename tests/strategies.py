"""Shared hypothesis strategies: values of the core, as planning could have made them.

`texts` are hostile: control characters, bidi marks, CI commands. `plans` and `reports` are coherent: numbers count
from 1, steps stand on hubs that were read, the summary says what the steps say.
"""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from keyspec.grid import GridRow
from keyspec.model import Key
from keyspec.order import place_of
from keyspec.plan import Action, Change, Finding, Forecast, HubRow, Plan, Step, summarize
from keyspec.report import HubResult, Outcome, Report, StepResult
from keyspec.shard import Shard
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
        recovery=st.booleans(),
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
        unchanged=draw(seconds) if status == "read" else 0,
        unlisted=draw(seconds) if status == "read" else 0,
        wave=draw(st.none() | st.integers(min_value=1, max_value=9)),
        forecast=draw(st.none() | st.builds(Forecast, seconds, st.none() | st.floats(0, 1e9)))
        if status == "read"
        else None,
    )


@st.composite
def shards(draw):
    """Build a shard."""
    of = draw(st.integers(min_value=1, max_value=99))
    number, wave = draw(st.integers(min_value=1, max_value=of)), draw(st.none() | st.integers(1, 9))
    return Shard(number, of, wave, draw(st.none() | digests), draw(digests), tuple(draw(st.lists(texts, max_size=2))))


def number_steps(drawn):
    """Number steps from 1."""
    numbered = []
    for number, step in enumerate(drawn, start=1):
        fields = {name: getattr(step, name) for name in Step.__slots__}
        numbered.append(Step(**{**fields, "number": number}))
    return tuple(numbered)


@st.composite
def plans(draw, max_steps=6):
    """Build coherent plans, with steps that repeat over hubs."""
    hubs = draw(st.lists(hub_rows(), max_size=5, unique_by=lambda hub: hub.name))
    read = [hub.name for hub in hubs if hub.status == "read"]
    drawn = draw(st.lists(steps(hubs=st.sampled_from(read)), max_size=max_steps)) if read else []
    if drawn and draw(st.booleans()):
        first = {name: getattr(drawn[0], name) for name in Step.__slots__}
        drawn += [Step(**{**first, "hub": name}) for name in read]
    numbered = number_steps(sorted(drawn, key=place_of))
    all_names = st.sampled_from([hub.name for hub in hubs]) if hubs else names
    return Plan(
        spec=draw(digests),
        hubs=tuple(hubs),
        steps=numbered,
        findings=tuple(draw(st.lists(findings(all_names), max_size=4))),
        summary=summarize(hubs, numbered),
        shard=draw(st.none() | shards()),
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
