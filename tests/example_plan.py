"""One rich plan and its report, shared by the golden texts of the renderers."""

from __future__ import annotations

from strategies import number_steps

from keyspec.errors import Problem
from keyspec.fingerprint import fingerprint
from keyspec.model import Key
from keyspec.plan import Change, Finding, Forecast, HubRow, Plan, Step, summarize
from keyspec.report import HubResult, Report, StepResult
from keyspec.source import Source

_LIVE = fingerprint(Key("ci_deployer", "", ("User",), 60, "active"))
_PRODS = ("prod_ap", "prod_eu", "prod_us")


def _edit(hub, *, before=("User",), bites_within_s=60):
    return Step(
        hub=hub,
        key_id="ci_deployer",
        action="edit",
        reason="roles and description differ",
        reversible=True,
        changes=(
            Change("description", "", 'Deploys from the "release" pipeline'),
            Change("roles", before, ("Operator", "User")),
            Change("reauth_timeout", 60, 300),
        ),
        expects=_LIVE,
        phase=2,
        source=Source("keyspec.yaml", 41, 5),
        bites_within_s=bites_within_s,
        gives=("Sensor Status", "System Management"),
        takes=("User Management",) if before != ("User",) else (),
    )


def _lock(hub, bites_within_s):
    return Step(
        hub=hub,
        key_id="ci_old",
        action="lock",
        reason="declared absent; a later apply deletes it",
        reversible=True,
        changes=(Change("state", "active", "locked"),),
        expects=_LIVE,
        phase=0,
        source=Source("teams/old.yaml", 9, 3),
        bites_within_s=bites_within_s,
    )


_CREATE = Step(
    hub="prod_eu",
    key_id="ci_new",
    action="create",
    reason="declared, not on the hub",
    reversible=True,
    changes=(
        Change("description", None, ""),
        Change("roles", None, ("Operator",)),
        Change("reauth_timeout", None, 60),
        Change("state", None, "active"),
    ),
    expects=fingerprint(None),
    phase=1,
    source=Source("keyspec.yaml", 60, 3),
    gives=("Sensor Status",),
)
_DELETE = Step(
    hub="prod_us",
    key_id="ci_gone",
    action="delete",
    reason="declared absent, and read as locked",
    reversible=False,
    changes=(),
    expects=_LIVE,
    phase=3,
    held_by="--allow-delete",
    source=Source("keyspec.yaml", 70, 3),
)
_UNLOCK = Step(
    hub="lab_1",
    key_id="ci_lab",
    action="unlock",
    reason="declared active, is locked",
    reversible=True,
    changes=(Change("state", "locked", "active"),),
    expects=_LIVE,
    phase=2,
    held_by="--allow-unlock",
    source=Source("keyspec.yaml", 80, 3),
)

STEPS = number_steps(
    [
        _edit("lab_1", before=("Administrator",), bites_within_s=None),
        _UNLOCK,
        _lock("prod_ap", 60),
        _edit("prod_ap"),
        _lock("prod_eu", 60),
        _CREATE,
        _edit("prod_eu"),
        _lock("prod_us", 300),
        _edit("prod_us"),
        _DELETE,
    ]
)
HUBS = (
    HubRow("lab_1", "https://lab.example.com", "read", 4, unchanged=1),
    HubRow("lab_2", "https://lab-2.example.com:8443", "unreadable", None, "connection refused"),
    *(
        HubRow(
            name,
            f"https://{name.replace('_', '-')}.example.com",
            "read",
            13,
            unchanged=3,
            unlisted=1,
            forecast=Forecast(4, seconds=2.0),
        )
        for name in _PRODS
    ),
)
FINDINGS = (
    Finding("locked-undeclared", "info", "locked on the hub, and its state is not declared", "lab_1", "ci_x"),
    *(Finding("unlisted-key", "info", "owned, live, and declared nowhere", name, "old_1") for name in _PRODS),
    Finding(
        "store-unread", "warning", "the store cannot be read: permission denied", source=Source("keyspec.yaml", 30, 3)
    ),
)
REFUSALS = (
    Problem(
        "max-change-share",
        "prod_eu: 5 of 13 live keys change, 38.5%; at most 30% may",
        Source("keyspec.yaml", 33, 3),
        "raise guards.max_change_share, or narrow the run with -k",
    ),
)

PLAN = Plan(
    spec="sha256:" + "5" * 64,
    hubs=HUBS,
    steps=STEPS,
    findings=FINDINGS,
    summary=summarize(HUBS, STEPS),
)
SMALL = Plan(
    spec="sha256:" + "5" * 64,
    hubs=(HUBS[2],),
    steps=number_steps([_lock("prod_ap", 60), _edit("prod_ap")]),
    findings=(),
    summary=summarize(HUBS[2:3], [_lock("prod_ap", 60), _edit("prod_ap")]),
)
_OUTCOMES = {
    "#1": ("conflict", "the live key is not the one that was planned from"),
    "#2": ("held", None),
    "#4": ("already", None),
    "#6": ("failed", "the store refused the value; the new key is locked"),
    "#9": ("skipped", "interrupted"),
    "#10": ("held", None),
}
REPORT = Report(
    plan=PLAN,
    results=tuple(StepResult(step, *_OUTCOMES.get(f"#{step.number}", ("applied", None))) for step in STEPS),
    hubs=(
        HubResult("lab_1", verified=None),
        HubResult("lab_2", verified=None),
        HubResult("prod_ap", verified=True),
        HubResult("prod_eu", verified=False, error="ci_new still differs"),
        HubResult("prod_us", verified=True),
    ),
    interrupted=True,
)
