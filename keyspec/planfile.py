"""The saved plan: a plan as the bytes of a file, and back without loss.

    Plan  ── dump_plan ─────▶ bytes ── seal: the digest of all bytes of the file but the seal's own
    bytes ── load_plan ─────▶ SavedPlan, or a SpecError (no plan), or a RefusedError (a plan, but not as it was saved)
    bytes ── load_printed ──▶ Plan | Report, as `--format json` printed it

A file has one line per hub, step and finding. The seal tells whether a file is as keyspec wrote it; it is no
signature, so what a plan file may do is judged again by `apply` against the spec. It is looked at before anything
else: a large file without it is not parsed, and told by its two ends. Nothing is quoted of a file that is no plan.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from keyspec.errors import Problem, RefusedError, SpecError, UsageError
from keyspec.fingerprint import digest_bytes
from keyspec.jsontext import encode_json
from keyspec.order import place_of
from keyspec.plan import HubRow, Plan, Step, summarize
from keyspec.plandocument import FORMAT, PROBLEMS_FORMAT, plan_digest, plan_members, summary_data
from keyspec.report import Report
from keyspec.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keyspec.planschema import (
        OutcomesShape,
        PlanDocument,
        ProblemsDocument,
        ReportDocument,
        SavedDocument,
    )

    AnyDocument = PlanDocument | SavedDocument | ReportDocument
    D = TypeVar("D", PlanDocument, SavedDocument, ReportDocument, ProblemsDocument)

MAX_BYTES: Final = 256 * 1024 * 1024
_MOST_PROBLEMS: Final = 20
_VERSION: Final = re.compile(r"keyspec-plan/[0-9]{1,9}")
_SEAL: Final = re.compile(rb'"seal": "(sha256:[0-9a-f]{64})"\n\}\n\Z')
_SEAL_BYTES: Final = 96
_HEAD: Final = re.compile(rb'\{\s*"format"\s*:\s*"(keyspec-plan/[0-9]{1,9})"')
_HEAD_BYTES: Final = 256
_MOST_UNSEALED_BYTES: Final = 4 * 1024 * 1024
"""How large a file may be that is parsed without a good seal, to say exactly what it is."""


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan read from a file, with its digest and the time, RFC 3339, at which it was made."""

    plan: Plan
    digest: str
    created_at: str


def dump_plan(plan: Plan, *, created_at: str) -> bytes:
    """Write a plan as the bytes of a file, sealed; `created_at` is RFC 3339 with its offset.

    Raises:
        UsageError: the plan is larger than a plan file may be.
    """
    members = plan_members(plan) | {"created_at": created_at}
    told = "".join(f"  {encode_json(name)}: {_tell(value)},\n" for name, value in members.items())
    head = f'{{\n{told}  "seal": "'.encode("ascii")
    tail = b'"\n}\n'
    data = head + digest_bytes(head, tail).encode("ascii") + tail
    if len(data) > MAX_BYTES:
        raise UsageError(f"the plan takes {len(data)} bytes, a plan file at most {MAX_BYTES}: narrow it with -l or -k")
    return data


def load_plan(data: bytes, file: str) -> SavedPlan:
    """Read a saved plan; `file` names it in problems.

    Raises:
        SpecError: the bytes are no plan document.
        RefusedError: they are one of another version, or not as keyspec saved it.
    """
    from keyspec.planschema import SavedDocument

    _check_size(data, file)
    wrong = _find_wrong_seal(data)
    if wrong is not None and len(data) > _MOST_UNSEALED_BYTES:
        _check_ends(data, file)
    else:
        document = _parse(data, file)
        _check_version(document.get("format"), file)
    if wrong is not None:
        raise RefusedError([_problem(file, "plan-seal", wrong, hint="save the plan again with plan --out FILE")])
    shape = _validate(document, file, SavedDocument)
    return SavedPlan(plan=_read_plan(shape, file), digest=shape.digest, created_at=shape.created_at)


def load_printed(data: bytes, file: str) -> tuple[Plan | Report, tuple[Problem, ...]]:
    """Read a plan or report as `--format json` prints it, and why the plan is refused, if it is.

    Raises:
        SpecError: the bytes are neither.
        RefusedError: they are one of another version, not as keyspec wrote it, or say why there is no plan.
    """
    from keyspec.planschema import PlanDocument, ReportDocument

    _check_size(data, file)
    document = _parse(data, file)
    _check_planned(document, file)
    _check_version(document.get("format"), file)
    if "outcomes" in document:
        shape = _validate(document, file, ReportDocument)
        report = _read_report(shape, file)
        if wrong := _misreports(report, shape.outcomes):
            raise SpecError([_problem(file, "report-invalid", message) for message in wrong[:_MOST_PROBLEMS]])
        return report, ()
    printed = _validate(document, file, PlanDocument)
    return _read_plan(printed, file, saved=printed.saved), tuple(printed.refusals or ())


def plan_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of plan documents: printed, saved, and with outcomes."""
    from keyspec.planschema import document_schema

    return document_schema()


def _tell(value: object) -> str:
    if not isinstance(value, Iterator):
        return encode_json(value)
    items = ",\n".join(f"    {encode_json(item)}" for item in value)
    return f"[\n{items}\n  ]" if items else "[]"


def _problem(file: str, code: str, message: str, *, hint: str | None = None, line: int = 1, column: int = 1) -> Problem:
    return Problem(code=code, message=message, source=Source(file, line, column), hint=hint)


def _check_size(data: bytes, file: str) -> None:
    if len(data) > MAX_BYTES:
        raise SpecError([_problem(file, "plan-too-large", f"a plan file holds at most {MAX_BYTES} bytes")])


def _check_ends(data: bytes, file: str) -> None:
    """Refuse a file that does not begin and end as a plan of this version does."""
    head = _HEAD.match(data[:_HEAD_BYTES])
    if head is None:
        raise _not_a_plan(file)
    if not data[-_SEAL_BYTES:].rstrip().endswith(b"}"):
        raise SpecError([_problem(file, "plan-syntax", "not JSON: the end of the file is missing")])
    _check_version(head[1].decode("ascii"), file)


def _parse(data: bytes, file: str) -> dict[str, Any]:
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        problem = _problem(file, "plan-syntax", f"not JSON: {error.msg}", line=error.lineno, column=error.colno)
        raise SpecError([problem]) from error
    except RecursionError as error:
        raise SpecError([_problem(file, "plan-syntax", "nested too deeply for a plan")]) from error
    except ValueError as error:  # not UTF-8, a name twice, NaN, a number of thousands of digits
        raise SpecError([_problem(file, "plan-syntax", "not JSON that keyspec could have written")]) from error
    if not isinstance(document, dict):
        raise _not_a_plan(file)
    return document


def _not_a_plan(file: str) -> SpecError:
    return SpecError([_problem(file, "plan-invalid", "not a keyspec plan", hint="save one with plan --out FILE")])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return members


def _refuse_constant(_name: str) -> None:
    raise ValueError("not a JSON number")


def _check_planned(document: dict[str, Any], file: str) -> None:
    """Refuse what was printed in a plan's stead, saying again what it says."""
    from keyspec.planschema import ProblemsDocument

    if document.get("format") != PROBLEMS_FORMAT:
        return
    told = _validate(document, file, ProblemsDocument).problems
    problems = (_problem(file, "not-planned", f"{each.code}: {each.message}", hint=each.hint) for each in told)
    raise RefusedError(tuple(problems) or [_problem(file, "not-planned", "nothing was planned")])


def _check_version(version: object, file: str) -> None:
    if version == FORMAT:
        return
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise _not_a_plan(file)
    message = f"the plan has the format {version}, this keyspec reads {FORMAT}"
    raise RefusedError([_problem(file, "plan-version", message, hint="plan again with this version")])


def _find_wrong_seal(data: bytes) -> str | None:
    """Say what is wrong with the seal."""
    found = _SEAL.search(data, max(0, len(data) - _SEAL_BYTES))
    if found is None:
        return "the file has no seal: it was printed, not saved, or was written anew by another program"
    if digest_bytes(data[: found.start(1)], data[found.end(1) :]).encode("ascii") != found[1]:
        return "the seal is broken: the file is not as it was saved (line endings and blanks count)"
    return None


def _validate(document: dict[str, Any], file: str, shape: type[D]) -> D:
    from pydantic import ValidationError

    try:
        return shape.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        problems = [
            _problem(file, "plan-invalid", f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}")
            for detail in details[:_MOST_PROBLEMS]
        ]
        raise SpecError(problems) from error


def _check_plan(plan: Plan, digest: str, file: str) -> Plan:
    """Give the plan of a document, if it agrees with itself."""
    if plan_digest(plan) != digest:
        raise RefusedError([_problem(file, "plan-digest", "the digest is not that of the plan beside it")])
    contradictions = [_problem(file, "plan-invalid", message) for message in _contradictions(plan)]
    if contradictions:
        raise SpecError(contradictions[:_MOST_PROBLEMS])
    return plan


def _read_plan(shape: PlanDocument | SavedDocument, file: str, *, saved: str | None = None) -> Plan:
    plan = _join_plan(shape, shape.hubs, shape.steps)
    return _check_plan(replace(plan, saved=saved), shape.digest, file)


def _read_report(shape: ReportDocument, file: str) -> Report:
    steps = (result.step for result in shape.steps)
    plan = replace(_join_plan(shape, (row for row, _ in shape.hubs), steps), saved=shape.saved)
    plan = _check_plan(plan, shape.digest, file)
    hubs = tuple(verdict for _, verdict in shape.hubs)
    return Report(plan, tuple(shape.steps), hubs, interrupted=shape.interrupted)


def _join_plan(shape: AnyDocument, hubs: Iterable[HubRow], steps: Iterable[Step]) -> Plan:
    return Plan(shape.spec, tuple(hubs), tuple(steps), tuple(shape.findings), shape.summary, shape.shard)


def _misreports(report: Report, told: OutcomesShape) -> list[str]:
    """Say what in a report no apply can have printed."""
    counts: Counter[str] = Counter(result.outcome for result in report.results)
    found = [
        f"outcomes.{name}: says {count}, the steps say {counts[name]}"
        for name, count in told.model_dump().items()
        if counts[name] != count
    ]
    read = {hub.name for hub in report.plan.hubs if hub.status == "read"}
    for index, result in enumerate(report.results):
        if result.step.held and result.outcome != "held":
            found.append(f"steps.{index}.outcome: a held step is never {result.outcome}")
        if not result.step.held and result.outcome == "held" and not result.error:
            found.append(f"steps.{index}.outcome: nothing says what this step waits for")
        if result.step.hub not in read and result.outcome in ("applied", "already", "conflict"):
            found.append(f"steps.{index}.outcome: a hub that was not read tells nothing of it")
    rows = zip(report.plan.hubs, report.hubs, strict=True)
    found += [
        f"hubs.{index}.verified: it was not read"
        for index, (row, verdict) in enumerate(rows)
        if row.status != "read" and verdict.verified
    ]
    return found


def _contradictions(plan: Plan) -> list[str]:
    """Say what in a plan cannot come from planning, however well it is sealed."""
    there = {hub.name for hub in plan.hubs if hub.status == "read" or plan.saved}  # saved, a hub may be lost since
    found = [] if len({hub.name for hub in plan.hubs}) == len(plan.hubs) else ["hubs: one name stands twice"]
    found += [
        f"steps.{index}.hub: not a hub that was read" for index, step in enumerate(plan.steps) if step.hub not in there
    ]
    if [step.number for step in plan.steps] != list(range(1, len(plan.steps) + 1)):
        found.append("steps: the numbers do not count from 1")
    if list(plan.steps) != sorted(plan.steps, key=place_of):
        found.append("steps: they are not in the order in which they are done")
    if plan.shard is not None and plan.shard.number > plan.shard.of:
        found.append(f"shard: there is no part {plan.shard}")
    told, counted = summary_data(plan.summary), summary_data(summarize(plan.hubs, plan.steps))
    found += [
        f"summary.{name}: says {told[name]}, hubs and steps say {counted[name]}"
        for name in told
        if told[name] != counted[name]
    ]
    return found
