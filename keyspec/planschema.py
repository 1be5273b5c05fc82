"""The shape of a plan document, as pydantic models: what `load_plan` believes, and where the JSON Schema comes from.

    PlanDocument      what `plan --format json` prints
    SavedDocument     … with `created_at` and `seal`: what `plan --out` saves
    ReportDocument    … with what became of each step and hub: what `apply --format json` prints

Types are strict and unknown fields are errors. Steps, hubs and findings become values as soon as each is believed, so
that a large document is never held as models. `planfile` imports this module only to load a plan or to give the schema:
printing a plan needs no pydantic.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from keyspec.errors import Problem
from keyspec.plan import (
    Action,
    Change,
    Finding,
    Forecast,
    HubRow,
    HubStatus,
    Severity,
    Step,
    Summary,
)
from keyspec.report import HubResult, Outcome, StepResult
from keyspec.shard import MAX_SHARDS, Shard
from keyspec.source import Source

if TYPE_CHECKING:
    from keyspec.model import FieldValue

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
_MOST: Final = 2**53
"""The greatest whole number that every reader of JSON tells from its neighbours."""
Count = Annotated[int, Field(ge=0, le=_MOST)]
Ordinal = Annotated[int, Field(ge=1, le=_MOST)]


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
    line: Ordinal
    column: Ordinal

    def read(self) -> Source:
        """Give the place."""
        return Source(self.file, self.line, self.column)


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
    before: Count | None
    after: Count | None


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

    number: Ordinal
    hub: str
    key_id: str
    action: Action
    reason: str
    reversible: bool
    held: bool
    changes: list[ChangeShape]
    source: SourceItem | None
    expects: Digest
    allow: str | None
    bites_within: Count | None
    permissions: Permissions
    phase: Count
    recovery: bool

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.held != (self.allow is not None):
            raise ValueError("held contradicts allow")
        return self

    def read(self) -> Step:
        """Give the step."""
        return Step(
            hub=self.hub,
            key_id=self.key_id,
            action=self.action,
            reason=self.reason,
            reversible=self.reversible,
            changes=tuple(
                Change(change.field, _read_value(change.before), _read_value(change.after)) for change in self.changes
            ),
            expects=self.expects,
            phase=self.phase,
            number=self.number,
            held_by=self.allow,
            source=self.source,
            bites_within_s=self.bites_within,
            recovery=self.recovery,
            gives=tuple(self.permissions.gives),
            takes=tuple(self.permissions.takes),
        )


def _read_value(value: str | int | list[str] | None) -> FieldValue:
    return tuple(value) if isinstance(value, list) else value


class ResultShape(StepShape):
    """A step and what became of it."""

    outcome: Outcome
    error: str | None

    def read_result(self) -> StepResult:
        """Give the step and what became of it."""
        return StepResult(self.read(), self.outcome, self.error)


class ForecastShape(_Shape):
    """How many requests apply will send to a hub, and how many seconds they take at the rate declared for it."""

    requests: Count
    seconds: Annotated[float, Field(ge=0)] | None

    def read(self) -> Forecast:
        """Give the forecast."""
        return Forecast(self.requests, self.seconds)


class HubShape(_Shape):
    """One hub; `live_keys` is null where it could not be read, `wave` where the spec declares none."""

    name: str
    url: str
    status: HubStatus
    live_keys: Count | None
    error: str | None
    unchanged: Count
    unlisted: Count
    wave: Ordinal | None
    forecast: ForecastItem | None

    def read(self) -> HubRow:
        """Give the plan's row."""
        return HubRow(
            self.name,
            self.url,
            self.status,
            self.live_keys,
            self.error,
            self.unchanged,
            self.unlisted,
            wave=self.wave,
            forecast=self.forecast,
        )


class HubResultShape(HubShape):
    """A hub and whether it was verified; null where it was not touched."""

    verified: bool | None

    def read_result(self) -> tuple[HubRow, HubResult]:
        """Give the plan's row and the verdict; of a hub that was read, the error is the verdict's."""
        row = self.read()
        if self.status == "read":
            return replace(row, error=None), HubResult(self.name, self.verified, self.error)
        return row, HubResult(self.name, self.verified, None)


class FindingShape(_Shape):
    """Something worth saying that changes nothing."""

    code: str
    severity: Severity
    hub: str | None
    key_id: str | None
    message: str
    source: SourceItem | None

    def read(self) -> Finding:
        """Give the finding."""
        return Finding(self.code, self.severity, self.message, self.hub, self.key_id, self.source)


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

    def read(self) -> Summary:
        """Give the counts."""
        return Summary(**self.model_dump())


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
    wave: Ordinal | None
    plan: Digest | None
    fleet: Digest
    keys: list[str]

    def read(self) -> Shard:
        """Give the part."""
        return Shard(self.number, self.of, self.wave, self.plan, self.fleet, tuple(self.keys))


class _Document(_Shape):
    format: Literal["keyspec-plan/1"]
    digest: Digest
    spec: Digest
    shard: ShardItem | None = None
    summary: SummaryItem
    findings: list[FindingItem]


class RefusalShape(_Shape):
    """Why a plan must not be applied, and what to do."""

    code: str
    message: str
    source: SourceItem | None
    hint: str | None

    def read(self) -> Problem:
        """Give the problem."""
        return Problem(self.code, self.message, self.source, self.hint)


class ProblemsDocument(_Shape):
    """Why there is no plan, in its stead."""

    format: Literal["keyspec-problems/1"]
    problems: list[RefusalItem]


class _Planned(_Document):
    hubs: list[HubItem]
    steps: list[StepItem]


class PlanDocument(_Planned):
    """A plan, as it is printed; `refusals` stand there only if it must not be applied.

    `saved` is the digest of the saved plan of which this is what is left.
    """

    saved: Digest | None = None
    refusals: Annotated[list[RefusalItem], Field(min_length=1)] | None = None


class SavedDocument(_Planned):
    """A plan, as it is saved; `seal` is the digest of all other bytes of the file."""

    created_at: Timestamp
    seal: Digest


class ReportDocument(_Document):
    """A plan with what became of it; `digest` is the plan's, `saved` that of the saved plan that was applied."""

    saved: Digest | None = None
    hubs: list[VerdictItem]
    steps: list[ResultItem]
    outcomes: OutcomesShape
    interrupted: bool


if TYPE_CHECKING:
    SourceItem: TypeAlias = Source
    StepItem: TypeAlias = Step
    ResultItem: TypeAlias = StepResult
    ForecastItem: TypeAlias = Forecast
    HubItem: TypeAlias = HubRow
    VerdictItem: TypeAlias = tuple[HubRow, HubResult]
    FindingItem: TypeAlias = Finding
    SummaryItem: TypeAlias = Summary
    ShardItem: TypeAlias = Shard
    RefusalItem: TypeAlias = Problem
else:  # each is believed as a shape and given as a value
    SourceItem = Annotated[SourceShape, AfterValidator(SourceShape.read)]
    StepItem = Annotated[StepShape, AfterValidator(StepShape.read)]
    ResultItem = Annotated[ResultShape, AfterValidator(ResultShape.read_result)]
    ForecastItem = Annotated[ForecastShape, AfterValidator(ForecastShape.read)]
    HubItem = Annotated[HubShape, AfterValidator(HubShape.read)]
    VerdictItem = Annotated[HubResultShape, AfterValidator(HubResultShape.read_result)]
    FindingItem = Annotated[FindingShape, AfterValidator(FindingShape.read)]
    SummaryItem = Annotated[SummaryShape, AfterValidator(SummaryShape.read)]
    ShardItem = Annotated[ShardShape, AfterValidator(ShardShape.read)]
    RefusalItem = Annotated[RefusalShape, AfterValidator(RefusalShape.read)]


def document_schema() -> dict[str, Any]:
    """Give the JSON Schema of all three forms."""
    forms: TypeAdapter[Any] = TypeAdapter(PlanDocument | SavedDocument | ReportDocument)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "keyspec plan, format 1",
        "description": "What `keyspec plan` prints and saves, and what `keyspec apply` prints.",
        **forms.json_schema(by_alias=True),
    }
