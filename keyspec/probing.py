"""A probe: a throw-away key is made, read, edited, locked, unlocked, copied and deleted, and what is seen is noted.

    prepare    consent of the spec · role, lists (nothing but reads) ─> Setting
    probe_hub  clean up after dead runs · journal · the steps · clean up, whatever happened ─> Probed

The value is a `Secret` here and in the client that tries it, and goes nowhere but back to its hub. Interrupted, no
further step begins, and the clean-up is done; a second interrupt stops asking the hub, and says what is left.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pydantic_core import from_json

from keyspec.denial import try_lock
from keyspec.errors import HubError, Problem, RefusedError, UsageError, explain_error
from keyspec.fleet import run_fleet
from keyspec.foreseen import Setting, foresee, say_short
from keyspec.live import read_created, read_imported_id
from keyspec.needs import is_proved
from keyspec.probe import (
    Probed,
    choose_role,
    choose_timeouts,
    find_refusals,
    is_refusal,
    judge_fields,
    judge_kept,
)
from keyspec.refusal import repeats
from keyspec.removal import Removal
from keyspec.trial import Stopped, Trial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyspec.desired import DesiredHub
    from keyspec.journal import Journal
    from keyspec.model import FieldValue, Key
    from keyspec.session import Session
    from keyspec.transport import Answer

_WRONG_ETAG: Final = '"keyspec-contract-probe"'
_TOO_SHORT: Final = (400, 422)
_SUCCESS: Final = range(200, 300)


def prepare(
    target: DesiredHub, session: Session, journal: Journal, *, role: str | None, timeout_s: int | None
) -> Setting:
    """Find out what a probe of a hub will do; sends nothing but reads.

    Raises:
        RefusedError: the hub may not be probed, or cannot be.
        UsageError: it has no such role.
        KeyspecError: it cannot be read.
    """
    if refusals := tuple(find_refusals(target)):
        raise RefusedError(refusals)
    hub, contract = session.connections.open(target), target.contract
    roles = hub.list_roles() if contract.supports("list_roles") else None
    keys, left, own = hub.list_keys(), journal.read(target.hub.url), target.hub.auth_key_id
    wanted = None if role is None else target.hub.role_names.get(role, role)
    if wanted is not None and roles is not None and wanted not in {each.name for each in roles}:
        raise UsageError(f"--role {role}: the hub has no such role")
    try:
        setting = Setting(
            hub=target.name,
            url=target.hub.url,
            contract=contract,
            role=choose_role(roles, wanted),
            role_ids={each.name: each.role_id for each in roles or () if each.role_id is not None},
            timeouts_s=choose_timeouts(contract.key.unit, timeout_s),
            nonce=session.new_nonce(),
            proved=is_proved(target),
            before={key.key_id: key.state for key in keys},
            leftovers=tuple(key.key_id for key in keys if left.owns(key) and key.key_id not in own),
        )
        foresee(setting)
    except (LookupError, ValueError) as error:
        raise RefusedError([Problem("cannot-probe", str(error.args[0]), target.declared.source())]) from error
    return setting


def probe_hub(setting: Setting, target: DesiredHub, session: Session, journal: Journal) -> Probed:
    """Probe a hub, and clean up; what was seen until something went wrong is told, too."""
    hub, own = session.connections.open(target), frozenset(target.hub.auth_key_id)
    left = journal.read(target.hub.url)
    before = {key_id: state for key_id, state in setting.before.items() if key_id not in setting.leftovers}
    removal = Removal(hub, journal, left, before, own | before.keys(), settled=not left.pending)
    first_s = setting.timeouts_s[0]
    key = setting.first_key(first_s)
    trial = Trial(setting, target, session, hub, removal, setting.key_id, first_s, first_s, key)
    (probed,) = run_fleet(_probe, (trial,), parallel=1, interrupted=session.cancel)
    return probed


def _probe(trial: Trial) -> Probed:
    began = trial.session.connections.world.clock()
    left, broken = trial.removal.clean() if trial.setting.leftovers else {}, False
    if not left and not trial.removal.harmed:
        trial.removal.begin(trial.setting.key_id, trial.setting.copy_id, mark=trial.setting.mark)
        try:
            _take_steps(trial)
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - whatever breaks, what was made is removed
            trial.note("stopped", "", explain_error(error), "unknown")
            broken = True
        _let_settle(trial, began)
        left = trial.removal.clean()
    return Probed(
        hub=trial.setting.hub,
        url=trial.setting.url,
        contract=trial.contract.name,
        role=trial.setting.role,
        key_id=trial.key_id,
        created=trial.created,
        observations=tuple(trial.notes),
        capabilities=tuple(trial.found.values()),
        sends_whole=trial.sends_whole,
        denied_after_s=trial.denied_after_s,
        left=left,
        harmed=trial.removal.harmed,
        broken=broken or trial.unseen,
        interrupted=trial.session.cancelled.is_set(),
    )


def _let_settle(trial: Trial, began: float) -> None:
    """Wait until no request of a dead run can be on its way any more, unless somebody wants to stop."""
    if trial.removal.settled:
        return
    rest_s = began + trial.hub.timeout_s - trial.session.connections.world.clock()
    with suppress(Stopped):
        trial.pause(max(rest_s, 0.0))
        trial.removal.settled = True


def _take_steps(trial: Trial) -> None:
    trial.go_on()
    if not _create(trial):
        return
    _look_at_new(trial)
    for changes in trial.setting.edits(trial.asked_s):
        _edit(trial, changes)
    _match_wrongly(trial)
    try_lock(trial)
    imported = _import(trial, "import again")
    if not trial.change("delete", "delete_key", trial.live, {}):
        return
    if not trial.is_gone(trial.live):
        return
    if imported is False:
        _import(trial, "import after")
    _create_again(trial)


# The key, made and read


def _create(trial: Trial) -> bool:
    """Make the key, with the shortest timeout that the hub takes."""
    *shorter, longest = trial.setting.timeouts_s
    for timeout_s in (*shorter, longest):
        sent = say_short(trial.setting, "create_key", (f"reauth_timeout {timeout_s}s",))
        values = trial.setting.fill_create(timeout_s)
        answer = trial.attempt(
            "create",
            sent,
            lambda sent=values: trial.ask_unsure("create_key", sent, trial.key_id),  # type: ignore[misc]
        )
        if answer is None:
            return False
        if answer.status in _TOO_SHORT and timeout_s != longest:
            trial.note("create", sent, f"{answer.status}; perhaps because of so short a timeout", "noted")
        elif trial.judge("create", "create_key", sent, answer):
            trial.created, trial.asked_s, trial.timeout_s = True, timeout_s, timeout_s
            trial.attempt("value", "", lambda found=answer: _take_value(trial, found))  # type: ignore[misc]
            return True
        else:
            return False
    return False


def _take_value(trial: Trial, answer: Answer) -> None:
    """Take the value out of the answer to the create, and look at the key beside it."""
    create = trial.contract.operations.create_key
    try:
        created = read_created(trial.contract, from_json(answer.body), trial.key_id, trial.names())
    except HubError as error:
        trial.note("value", "", str(error), "differs")
        return
    except ValueError:
        trial.note("value", "", "the answer is not JSON", "differs")
        return
    trial.value = created.value
    trial.note("value", "", f"in the answer at `{create.value.text if create and create.value else ''}`", "agrees")
    if created.key is not None and created.key.key_id != trial.key_id and trial.removal.adopt(created.key.key_id):
        trial.key_id = created.key.key_id
    trial.live = replace(trial.live, handle=trial.meet(trial.key_id, created.key).handle)
    seen = created.key_error or "in the answer, with the ID that was asked for"
    trial.note("key", "", seen, "differs" if created.key_error else "agrees")


def _look_at_new(trial: Trial) -> None:
    """Read the key and the list, and see whether it is locked; if it is, unlock it."""
    sent = replace(trial.setting.sent("create_key", trial.asked_s), key_id=trial.key_id, state=None)
    trial.live = replace(trial.live, key_id=trial.key_id, reauth_timeout_s=trial.asked_s)
    read = trial.read(trial.live)
    if read is None:
        return
    trial.note("fields", "", *judge_fields(sent, read))
    trial.live = read
    trial.timeout_s = read.reauth_timeout_s or trial.timeout_s
    if read.state is not None:
        locked = read.state == "locked"
        trial.tell("created_locked", f"a new key is {'locked' if locked else 'not locked'}", value=locked)
    if trial.contract.supports("get_key"):
        trial.attempt("list", say_short(trial.setting, "list_keys"), lambda: _look_at_list(trial, read))
    if read.state == "locked" and trial.change("unlock", "unlock_key", read, {"state": "active"}):
        trial.live = trial.read(trial.live) or trial.live


def _look_at_list(trial: Trial, read: Key) -> None:
    sent = say_short(trial.setting, "list_keys")
    listed = next((key for key in trial.list_keys() if key.key_id == trial.key_id), None)
    if listed is None:
        trial.note("list", sent, "the key is not in the list", "differs")
    elif listed != read:
        trial.note("list", sent, "the list tells other fields than the key itself", "differs")
    else:
        trial.note("list", sent, "the key is in the list, and alike", "agrees")


# Edits


def _edit(trial: Trial, changes: Mapping[str, FieldValue]) -> None:
    """Change one field, and see whether the others stay."""
    before, step = trial.live, f"edit {', '.join(changes).replace('_', ' ')}"
    if not trial.change(step, "edit_key", before, changes):
        return
    after = trial.read(before)
    if after is None:
        return
    seen, verdict, kept = judge_kept(before, changes, after)
    trial.note("edited", "", seen, verdict)
    edit = trial.contract.operations.edit_key
    trial.sends_whole |= not kept and edit is not None and edit.sends == "changed"
    trial.live, trial.timeout_s = after, after.reauth_timeout_s or trial.timeout_s


def _match_wrongly(trial: Trial) -> None:
    """Edit with an If-Match that is wrong, where the hub tells ETags."""
    edit, live = trial.contract.operations.edit_key, trial.live
    changes = next(trial.setting.edits(trial.asked_s), None)
    if edit is None or changes is None or not trial.contract.supports("get_key"):
        return
    step, sent = "edit, wrong ETag", say_short(trial.setting, "edit_key", ("If-Match",))
    if live.etag is None:
        trial.note(step, "", "not sent: the hub tells no ETag", "unknown" if edit.if_match else "noted")
        return
    values = trial.setting.fill("edit_key", live, changes)
    answer = trial.attempt(step, sent, lambda: trial.ask("edit_key", values, {"if-match": _WRONG_ETAG}))
    if answer is None:
        return
    refused = is_refusal(answer.status)
    seen = f"{answer.status}; a wrong ETag is {'refused' if refused else 'not refused'}"
    trial.note(step, sent, seen, ("agrees" if refused else "differs") if edit.if_match else "noted")
    if not refused:
        trial.live = trial.read(trial.live) or trial.live


# The value once more, and the ID


def _import(trial: Trial, step: str) -> bool | None:
    """Import the value under another ID, look at the copy, delete it; False if the hub refuses the value."""
    value, copy_id = trial.value, trial.setting.copy_id
    if (why := _cannot_import(trial)) is not None or value is None:
        trial.note(step, "", f"not sent: {why}", "unknown")
        return None
    sent = say_short(trial.setting, "import_key", ("its value",))
    trial.hub.wire.hide(value)
    values = trial.setting.fill_import(trial.asked_s, value)
    answer = trial.attempt(step, sent, lambda: trial.ask_unsure("import_key", values, copy_id))
    if answer is None:
        return None
    if answer.status in _SUCCESS:
        trial.judge(step, "import_key", sent, answer)
        trial.attempt(step, sent, lambda: _look_at_copy(trial, answer))
        return True
    again = step == "import again" and is_refusal(answer.status)
    seen = f"{answer.status}; a value that the hub has already is refused" if again else f"{answer.status}; refused"
    trial.note(step, sent, seen, "noted" if again else "differs")
    return False if is_refusal(answer.status) else None


def _cannot_import(trial: Trial) -> str | None:
    if not trial.contract.supports("import_key"):
        return "the contract has no `import_key`"
    if trial.value is None:
        return "the value is not known"
    return None if trial.setting.proved else "a value is sent only to a hub that is known by verified TLS"


def _look_at_copy(trial: Trial, answer: Answer) -> None:
    """Find the copy, whatever its ID is, journal it, read it, delete it."""
    asked = trial.setting.copy_id if trial.setting.carries("import_key", "key_id") else None
    copy_id = _find_copy(trial, answer)
    if copy_id is None:
        trial.note("copy", "", "nobody can tell which ID it has", "unknown")
        return
    if asked is not None:
        why = "an imported key gets the ID that is asked for" if copy_id == asked else "the hub makes up an ID"
        trial.tell("import_takes_id", why, value=copy_id == asked)
    if copy_id != trial.setting.copy_id and not trial.removal.adopt(copy_id):
        trial.note("copy", "", "the hub answers with an ID that may be another key's: it is left alone", "differs")
        return
    met = trial.meet(copy_id, None)
    copied = trial.read(met, "read copy")
    if copied is not None:
        sent = replace(trial.setting.sent("import_key", trial.asked_s), key_id=copy_id, state=None)
        trial.note("copy", "", *judge_fields(sent, copied))
    trial.change("delete copy", "delete_key", copied or met, {})


def _find_copy(trial: Trial, answer: Answer) -> str | None:
    try:
        key_id = read_imported_id(trial.contract, from_json(answer.body))
    except (HubError, ValueError):
        others = [key.key_id for key in trial.removal.find() if key.key_id != trial.key_id]
        return others[0] if len(others) == 1 else None
    return None if trial.value is None or repeats(key_id, [trial.value]) else key_id


def _create_again(trial: Trial) -> None:
    """Make a key with the ID of the deleted one, and delete it, too."""
    if trial.key_id != trial.setting.key_id:
        trial.note("create again", "", "not sent: the hub makes up IDs", "unknown")
        return
    sent = say_short(trial.setting, "create_key")
    values = trial.setting.fill_create(trial.asked_s)
    answer = trial.attempt("create again", sent, lambda: trial.ask_unsure("create_key", values, trial.setting.key_id))
    if answer is None:
        return
    if answer.status in _SUCCESS:
        trial.note("create again", sent, str(answer.status), "noted")
        trial.tell("ids_reusable", "the ID of a deleted key can be used again", value=True)
        key = trial.read(trial.meet(trial.key_id, None))
        if key is not None and trial.change("delete again", "delete_key", key, {}):
            trial.is_gone(key)
    elif is_refusal(answer.status):
        trial.note("create again", sent, str(answer.status), "noted")
        trial.tell("ids_reusable", "the ID of a deleted key is refused", value=False)
    else:
        trial.note("create again", sent, str(answer.status), "unknown")
