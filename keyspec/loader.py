"""Files to `Desired`: spec, trusted file, contracts read and resolved, narrowed to the hubs asked for; saved plans."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keyspec.contract import parse_contract
from keyspec.document import parse_document
from keyspec.errors import KeyspecError, Problem, RefusedError, SpecError, UsageError
from keyspec.files import PRINTED_HINTS, gather_spec, read_contract, read_data, read_document
from keyspec.join import Part
from keyspec.merge import Reading, join_spec
from keyspec.planfile import MAX_BYTES, load_plan, load_printed
from keyspec.resolve import build_desired, overrides_of
from keyspec.secret import parse_reference
from keyspec.selector import matches_any, parse_selector
from keyspec.settings import SCHEMES
from keyspec.shard import fleet_digest
from keyspec.spec import VALUE_SOURCES
from keyspec.stores import open_store
from keyspec.trust import check_references, parse_trusted, pin_hubs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.contract import Contract
    from keyspec.desired import Desired
    from keyspec.merge import Declared, Spec
    from keyspec.planfile import SavedPlan
    from keyspec.selector import Selector
    from keyspec.session import Options
    from keyspec.source import Source
    from keyspec.trust import Trusted


def load_desired(options: Options) -> Desired:
    """Read and resolve the spec, hold it to the trusted file, and narrow it to the hubs asked for.

    Raises:
        SpecError: with every problem of every file.
        RefusedError: if the trusted file does not allow all of it.
        UsageError: if a selector of -l matches no hub.
    """
    spec, problems = join_spec(*gather_spec(options.files))
    trusted = None
    if options.trusted:
        try:
            trusted = parse_trusted(read_document(options.trusted))
        except SpecError as error:
            problems += error.problems
    desired = _resolve(spec, problems, trusted)
    selected = desired.only_hubs(select_hubs(desired, options))
    if options.shard is None:
        return selected
    keys = tuple(sorted(set(options.policy.keys)))
    shard = replace(options.shard, wave=options.wave, fleet=fleet_digest(selected.hubs), keys=keys)
    return replace(selected.only_hubs(frozenset(filter(shard.holds, selected.hubs))), shard=shard)


def load_saved(path: str) -> SavedPlan:
    """Read a plan that `plan --out` saved.

    Raises:
        SpecError: it is no plan.
        RefusedError: it is one of another version, or not as it was saved.
    """
    return load_plan(read_data(path, limit=MAX_BYTES, hints=PRINTED_HINTS), path)


def load_parts(paths: Iterable[str]) -> tuple[Part, ...]:
    """Read what all shards have printed as JSON.

    Raises:
        SpecError: one is neither a plan nor a report; with every problem of every file.
        RefusedError: one must not be joined, or its plan was refused; likewise.
    """
    parts: list[Part] = []
    invalid: list[Problem] = []
    refused: list[Problem] = []
    for path in paths:
        try:
            told, refusals = load_printed(read_data(path, limit=MAX_BYTES, hints=PRINTED_HINTS), path)
            parts.append(Part(path, told))
            refused += refusals
        except SpecError as error:
            invalid += error.problems
        except RefusedError as error:
            refused += error.problems
    if invalid:
        raise SpecError(invalid + refused)
    if refused:
        raise RefusedError(refused)
    return tuple(parts)


def load_text(text: str, file: str) -> Desired:
    """Resolve a spec that lies in no file yet; `file` is where it will."""
    return _resolve(*join_spec([Reading(parse_document(text.encode(), file), named=True)]), None)


def _resolve(spec: Spec, found: Iterable[Problem], trusted: Trusted | None) -> Desired:
    """Resolve a spec, telling all that is invalid at once; no file that an untrusted hub names is read."""
    problems = list(found)
    if trusted is not None:
        try:
            spec = pin_hubs(spec, trusted)
        except RefusedError:
            if problems:
                raise SpecError(problems) from None
            raise
    contracts, wrong = load_contracts(spec)
    problems += {*wrong, *check_stores(spec)}
    desired = None
    try:
        desired = build_desired(_only_hubs(spec, contracts), contracts)
    except SpecError as error:
        problems += error.problems
    if problems or desired is None:
        raise SpecError(problems)
    if trusted is not None:
        check_references(desired, trusted)
    return desired


def _only_hubs(spec: Spec, contracts: Mapping[str, Contract]) -> Spec:
    """Leave out the hubs whose contract could not be read."""
    return replace(spec, hubs={name: hub for name, hub in spec.hubs.items() if name in contracts})


def load_contracts(spec: Spec) -> tuple[dict[str, Contract], frozenset[Problem]]:
    """Read the contract of every hub, each file once; give those that are valid, and what is wrong with the rest."""
    known: dict[tuple[str, str], Contract | None] = {}
    problems: set[Problem] = set()
    for name, hub in spec.hubs.items():
        where = (spec.connections[name], hub.value.contract)
        if where in known:
            continue
        try:
            known[where] = parse_contract(read_contract(where[1], file=where[0], source=hub.source("contract")))
        except SpecError as error:
            known[where] = None
            problems.update(error.problems)
    found = ((name, known[spec.connections[name], hub.value.contract]) for name, hub in spec.hubs.items())
    return {name: contract for name, contract in found if contract is not None}, frozenset(problems)


def check_stores(spec: Spec) -> Iterator[Problem]:
    """Hold the scheme of every store, and of every given value, to those that are known."""
    wrong: dict[str, str | None] = {}
    for reference, source in _list_references(spec):
        scheme = parse_reference(reference).scheme
        if scheme not in wrong:
            wrong[scheme] = _find_wrong(scheme)
        if (what := wrong[scheme]) is not None:
            yield Problem("unknown-store", what, source)


def _list_references(spec: Spec) -> Iterator[tuple[str, Source]]:
    """Give every reference that a store must keep, with its place; `env:` and `file:` values need none."""
    parts: list[Declared[Any]] = [spec.defaults] if spec.defaults else []
    parts += spec.profiles.values()
    for key in spec.keys.values():
        parts += (key, *overrides_of(key, range(len(key.value.per_hub))))
        given = key.value.value.from_
        if given not in VALUE_SOURCES and parse_reference(given).scheme not in SCHEMES:
            yield given, key.source("value")
    for part in parts:
        if (store := part.value.store) is not None:
            yield from ((reference, part.source("store")) for reference in (store.primary, *store.replicas))


def _find_wrong(scheme: str) -> str | None:
    try:
        open_store(scheme)
    except KeyspecError as error:
        return str(error)
    return None


def select_hubs(desired: Desired, options: Options) -> frozenset[str]:
    """Give the names of the hubs that -l and --wave mean together; all without them."""
    names = frozenset(_match_hubs(desired, options.hubs))
    if options.wave is not None:
        waves = len(desired.rollout.waves) if desired.rollout else 0
        if options.wave > waves:
            raise UsageError(f"--wave {options.wave}: the spec declares {waves or 'no'} waves")
        names = frozenset(name for name in names if desired.hubs[name].wave == options.wave)
    return names


def _match_hubs(desired: Desired, selectors: Iterable[str]) -> Iterator[str]:
    parsed = {text: _parse_selector(text) for text in selectors}
    for text, selector in parsed.items():
        if not any(selector.matches(name, hub.hub.labels) for name, hub in desired.hubs.items()):
            raise UsageError(f"-l {text} matches no hub; there are {', '.join(sorted(desired.hubs))}")
    for name, hub in desired.hubs.items():
        if not parsed or matches_any(parsed.values(), name, hub.hub.labels):
            yield name


def _parse_selector(text: str) -> Selector:
    try:
        return parse_selector(text)
    except ValueError as error:
        raise UsageError(f"-l {text}: {error}") from error
