"""The shape of a plan document, as pydantic models: what `load_plan` believes, and where the JSON Schema comes from.

    PlanDocument      what `plan --format json` prints
    SavedDocument     … with `created_at` and `seal`: what `plan --out` saves
    ReportDocument    … with what became of each step and hub: what `apply --format json` prints

Types are strict and unknown fields are errors. `planfile` imports this module only to load a plan or to give the
schema: printing a plan needs no pydantic.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from keyspec.plan import Action, HubStatus, Severity  # noqa: TC001 - pydantic reads them at run time
from keyspec.report import Outcome  # noqa: TC001 - likewise
from keyspec.shard import MAX_SHARDS

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


def _as_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Timestamp = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$",
        json_schema_extra={"format": "date-time"},
    ),
    AfterValidator(_as_time),
]


class SourceShape(_Shape):
    """Where a step or a finding is declared."""

    file: str
    line: Annotated[int, Field(ge=1)]
    column: Annotated[int, Field(ge=1)]


class DescriptionChange(_Shape):
    """A description that differs."""

    field: Literal["description"]
    before: str | None
    after: str | None


class RolesChange(_Shape):
    """A set of roles that differs, sorted."""

    field: Literal["roles"]
    before: list[str] | None
    after: list[str] | None


class TimeoutChange(_Shape):
    """A reauthentication timeout that differs, in seconds."""

    field: Literal["reauth_timeout"]
    before: int | None
    after: int | None


class StateChange(_Shape):
    """A state that differs; a delete makes a locked key absent."""

    field: Literal["state"]
    before: Literal["active", "locked"] | None
    after: Literal["active", "locked", "absent"] | None


ChangeShape = Annotated[DescriptionChange | RolesChange | TimeoutChange | StateChange, Field(discriminator="field")]


class Permissions(_Shape):
    """The permissions a step gives and takes, sorted; empty where roles cannot be read."""

    gives: list[str]
    takes: list[str]


class StepShape(_Shape):
    """One request; `allow` names what a held step waits for, `bites_within` is in seconds."""

    number: Annotated[int, Field(ge=1)]
    hub: str
    key_id: str
    action: Action
    reason: str
    reversible: bool
    held: bool
    changes: list[ChangeShape]
    source: SourceShape | None
    expects: Digest
    allow: str | None
    bites_within: Count | None
    permissions: Permissions
    phase: Count
    recovery: bool


class ResultShape(StepShape):
    """A step and what became of it."""

    outcome: Outcome
    error: str | None


class ForecastShape(_Shape):
    """How many requests apply will send to a hub, and how many seconds they take at the rate declared for it."""

    requests: Count
    seconds: Annotated[float, Field(ge=0)] | None


class HubShape(_Shape):
    """One hub; `live_keys` is null where it could not be read, `wave` where the spec declares none."""

    name: str
    url: str
    status: HubStatus
    live_keys: Count | None
    error: str | None
    unchanged: Count
    unlisted: Count
    wave: Annotated[int, Field(ge=1)] | None
    forecast: ForecastShape | None


class HubResultShape(HubShape):
    """A hub and whether it was verified; null where it was not touched."""

    verified: bool | None


class FindingShape(_Shape):
    """Something worth saying that changes nothing."""

    code: str
    severity: Severity
    hub: str | None
    key_id: str | None
    message: str
    source: SourceShape | None


class SummaryShape(_Shape):
    """Steps that are not held, by action; held steps; keys that need none."""

    create: Count
    import_: Annotated[Count, Field(alias="import")]
    edit: Count
    lock: Count
    unlock: Count
    delete: Count
    held: Count
    unchanged: Count
    unlisted: Count


class OutcomesShape(_Shape):
    """How many steps ended in each way."""

    applied: Count
    already: Count
    conflict: Count
    failed: Count
    skipped: Count
    held: Count


class ShardShape(_Shape):
    """Which part of the fleet this is; `plan` is the digest of the saved plan that was applied.

    `fleet` is the digest of the names of all hubs that were selected, of which this is a part, `keys` the globs of -k.
    """

    number: Annotated[int, Field(ge=1, le=MAX_SHARDS)]
    of: Annotated[int, Field(ge=1, le=MAX_SHARDS)]
    wave: Annotated[int, Field(ge=1)] | None
    plan: Digest | None
    fleet: Digest
    keys: list[str]


class _Document(_Shape):
    format: Literal["keyspec-plan/1"]
    digest: Digest
    spec: Digest
    shard: ShardShape | None = None
    summary: SummaryShape
    findings: list[FindingShape]


class RefusalShape(_Shape):
    """Why a plan must not be applied, and what to do."""

    code: str
    message: str
    source: SourceShape | None
    hint: str | None


class ProblemsDocument(_Shape):
    """Why there is no plan, in its stead."""

    format: Literal["keyspec-problems/1"]
    problems: list[RefusalShape]


class _Planned(_Document):
    hubs: list[HubShape]
    steps: list[StepShape]


class PlanDocument(_Planned):
    """A plan, as it is printed; `refusals` stand there only if it must not be applied."""

    refusals: Annotated[list[RefusalShape], Field(min_length=1)] | None = None


class SavedDocument(_Planned):
    """A plan, as it is saved; `seal` is the digest of all other bytes of the file."""

    created_at: Timestamp
    seal: Digest


class ReportDocument(_Document):
    """A plan with what became of it; `digest` is the plan's."""

    hubs: list[HubResultShape]
    steps: list[ResultShape]
    outcomes: OutcomesShape
    interrupted: bool


def document_schema() -> dict[str, Any]:
    """Give the JSON Schema of all three forms."""
    forms: TypeAdapter[Any] = TypeAdapter(PlanDocument | SavedDocument | ReportDocument)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "keyspec plan, format 1",
        "description": "What `keyspec plan` prints and saves, and what `keyspec apply` prints.",
        **forms.json_schema(by_alias=True),
    }
