"""The requests of a `contract probe`, told before anybody is asked whether they may be sent.

`Setting` is what a probe is about, and says what each of its writes carries; `foresee` lists them all, in order, with
the reads between them. What depends on what the hub answers has a remark that says when it is sent, or how often.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from keyspec.content import fill_change, fill_name, fill_new, needs_etag, needs_key
from keyspec.display import display
from keyspec.duration import format_duration
from keyspec.model import Key
from keyspec.probe import COPY_SUFFIX, KEY_PREFIX, MARK_PREFIX, REMARK, WAIT_MORE_S, changed, next_timeout
from keyspec.request import build_request
from keyspec.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyspec.content import ChangeName
    from keyspec.contract import Contract
    from keyspec.conversion import RoleId
    from keyspec.model import FieldValue
    from keyspec.placeholders import OperationName

USES: Final[tuple[OperationName, ...]] = ("list_roles", "list_keys", "openapi")
"""The reads that are tried with the new key, until one is answered."""
_ID_LENGTH: Final = 16
_CARRIER: Final = ("header", "bearer")
_VALUE: Final = Secret("(its value)")
_HANDLE: Final = "HANDLE"
_LISTS: Final = ("list_keys", "list_roles")


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One request that will be sent; with a `remark`, perhaps, or more than once."""

    step: str
    request: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a probe is about: a hub, a role with its ID, timeouts to try in turn, a random text.

    `before` are the keys that are there, with their states; `leftovers` those among them that a dead run has left.
    """

    hub: str
    url: str
    contract: Contract
    role: str
    role_ids: Mapping[str, RoleId]
    timeouts_s: tuple[int, ...]
    nonce: str
    proved: bool
    before: Mapping[str, str | None] = field(default_factory=dict)
    leftovers: tuple[str, ...] = ()

    @property
    def key_id(self) -> str:
        """The ID of the throw-away key."""
        return KEY_PREFIX + self.nonce[:_ID_LENGTH]

    @property
    def copy_id(self) -> str:
        """The ID under which its value is imported again."""
        return self.key_id + COPY_SUFFIX

    @property
    def mark(self) -> str:
        """What the descriptions of both begin with."""
        return MARK_PREFIX + self.nonce

    @property
    def carries_key(self) -> bool:
        """Whether a request can be sent with nothing but a key's value."""
        auth = self.contract.auth
        return auth is not None and auth.scheme in _CARRIER

    def first_key(self, timeout_s: int) -> Key:
        """Give the throw-away key as it is to be."""
        return Key(self.key_id, self.mark + REMARK, (self.role,), timeout_s, "active")

    @property
    def has_handles(self) -> bool:
        """Whether the hub calls keys by handles that it makes up."""
        return self.contract.key.handle is not None

    def carries(self, name: OperationName, field: str) -> bool:
        """Tell whether an operation is there and carries a field."""
        return self.contract.supports(name) and field in self.contract.carried(name)

    def sent(self, name: Literal["create_key", "import_key"], timeout_s: int) -> Key:
        """Give the key as far as a request has room for it."""
        key = self.first_key(timeout_s)
        return Key(
            key.key_id,
            key.description if self.carries(name, "description") else None,
            key.roles,
            key.reauth_timeout_s if self.carries(name, "reauth_timeout") else None,
            key.state,
        )

    def fill_create(self, timeout_s: int) -> dict[str, object]:
        """Give what a create carries; ValueError if the contract's form cannot say it."""
        return fill_new(self.contract, "create_key", self.sent("create_key", timeout_s), self.role_ids)

    def fill_import(self, timeout_s: int, value: Secret) -> dict[str, object]:
        """Give what an import of the value carries, with an ID wherever the request has room for one."""
        key = self.sent("import_key", timeout_s)
        values = fill_new(self.contract, "import_key", key, self.role_ids) | {"value": value}
        return values | ({"key_id": self.copy_id} if self.carries("import_key", "key_id") else {})

    def fill(self, name: ChangeName, key: Key, changes: Mapping[str, FieldValue]) -> dict[str, object]:
        """Give what an operation on a live key carries; raises as `content.fill_change`."""
        return fill_change(self.contract, name, key, changes, self.role_ids)

    def edits(self, timeout_s: int) -> Iterator[dict[str, FieldValue]]:
        """Give the edits to try, one field each."""
        if self.carries("edit_key", "description"):
            yield {"description": f"{self.mark}{REMARK} (edited)"}
        if self.carries("edit_key", "reauth_timeout"):
            yield {"reauth_timeout": next_timeout(self.contract.key.unit, timeout_s)}


def foresee(setting: Setting) -> tuple[Foreseen, ...]:
    """List the requests of a probe; LookupError or ValueError if the contract cannot say one of them."""
    seconds = setting.timeouts_s[0]
    key = replace(setting.first_key(seconds), handle=_named(setting, setting.key_id).handle)
    lines = [*_foresee_clean(setting), *_foresee_create(setting, key)]
    for changes in setting.edits(seconds):
        lines += _foresee_change(setting, f"edit {_name(changes)}", "edit_key", key, changes)
        key = changed(key, changes)
    lines += _foresee_match(setting, key)
    lines += _foresee_lock(setting, key)
    again = tuple(_foresee_import(setting, "import again"))
    after = _foresee_import(setting, "import after")
    late = (Foreseen(each.step, each.request, "only if it was refused before") for each in after)
    write, *reads = _foresee_change(setting, "delete", "delete_key", key, {})
    others = _foresee_others(setting, remark="unless a copy was deleted" if any(again) else "")
    lines += [*again, write, *others, *reads, *late]
    lines.append(Foreseen("create again", say(setting, "create_key", setting.fill_create(seconds))))
    lines += [Foreseen("find", say(setting, "list_keys", {}), "only if it was created")] * setting.has_handles
    lines += _foresee_read(setting, remark="only if it was created")
    lines += _foresee_change(setting, "delete again", "delete_key", key, {}, "only if it was created")
    return (*lines, Foreseen("list", say(setting, "list_keys", {}), "all pages; what is left is deleted"))


def _foresee_clean(setting: Setting) -> Iterator[Foreseen]:
    if setting.leftovers:
        yield Foreseen("clean up", say(setting, "list_keys", {}), "all pages, for an earlier probe has left keys")
    for key_id in setting.leftovers:
        if needs_key(setting.contract, "delete_key"):
            yield Foreseen("clean up", _say_named(setting, "get_key", key_id))
        yield Foreseen("clean up", _say_named(setting, "delete_key", key_id))
        if key_id == setting.leftovers[0]:
            yield from _foresee_others(setting, "clean up")
    if setting.leftovers:
        yield Foreseen("clean up", say(setting, "list_keys", {}), "all pages")


def _foresee_create(setting: Setting, key: Key) -> Iterator[Foreseen]:
    others = ", ".join(map(format_duration, setting.timeouts_s[1:]))
    remark = f"again with the timeout {others}, if the hub refuses so short a one" if others else ""
    yield Foreseen("create", say(setting, "create_key", setting.fill_create(setting.timeouts_s[0])), remark)
    if setting.has_handles:
        yield Foreseen("find", say(setting, "list_keys", {}), "only if the answer does not tell its handle")
    yield from _foresee_read(setting)
    if setting.contract.supports("get_key"):
        yield Foreseen("list", say(setting, "list_keys", {}), "all pages")
    if setting.contract.supports("unlock_key"):
        remark = "only if a new key is locked"
        yield from _foresee_change(setting, "unlock", "unlock_key", key, {"state": "active"}, remark)


def _foresee_match(setting: Setting, key: Key) -> Iterator[Foreseen]:
    changes = next(setting.edits(key.reauth_timeout_s or 1), None)
    if changes is not None and setting.contract.supports("get_key"):
        remark = "with a wrong If-Match, only if the hub tells ETags"
        yield Foreseen("edit, wrong ETag", say(setting, "edit_key", setting.fill("edit_key", key, changes)), remark)
        yield from _foresee_read(setting, remark="only if that was not refused")


def _foresee_lock(setting: Setting, key: Key) -> Iterator[Foreseen]:
    contract = setting.contract
    if setting.carries_key:
        for name in filter(contract.supports, USES):
            yield Foreseen("use", say(setting, name, {}), "with the new key, until one of these is answered")
    wait = f"three of its timeouts and {WAIT_MORE_S:g} s"
    asks: tuple[tuple[str, ChangeName, str], ...] = (
        ("lock", "lock_key", "denied"),
        ("unlock", "unlock_key", "let in"),
    )
    for step, name, until in asks if contract.supports("lock_key") else ():
        if contract.supports(name):
            state = "locked" if step == "lock" else "active"
            write, *reads = _foresee_change(setting, step, name, key, {"state": state})
            yield write
            if step == "lock":
                yield from _foresee_others(setting)
            if setting.carries_key:
                what = f"the one that was answered, with the new key, until it is {until}, for {wait} at most"
                more = ", and once after a pause" if step == "lock" else ""
                yield Foreseen(f"use until {until}", what + more)
            yield from reads


def _foresee_import(setting: Setting, step: str) -> Iterator[Foreseen]:
    if setting.contract.supports("import_key") and setting.proved:
        values = setting.fill_import(setting.timeouts_s[0], _VALUE)
        yield Foreseen(step, say(setting, "import_key", values))
        remark = "only if it was imported"
        if setting.has_handles:
            yield Foreseen("find", say(setting, "list_keys", {}), remark)
        yield from _foresee_read(setting, setting.copy_id, remark)
        yield Foreseen("delete copy", _say_named(setting, "delete_key", setting.copy_id), remark)
        if step == "import again":
            yield from _foresee_others(setting, remark=remark)


def _foresee_others(setting: Setting, step: str = "other keys", *, remark: str = "") -> Iterator[Foreseen]:
    told = "all pages: if any other key has changed or is gone, the probe stops"
    yield Foreseen(step, say(setting, "list_keys", {}), "; ".join(filter(None, (remark, told))))


def _foresee_change(
    setting: Setting, step: str, name: ChangeName, key: Key, changes: Mapping[str, FieldValue], remark: str = ""
) -> Iterator[Foreseen]:
    if setting.contract.supports(name):
        if_match = "with the ETag of the last read as If-Match" if needs_etag(setting.contract, name) else ""
        said = "; ".join(filter(None, (if_match, remark)))
        yield Foreseen(step, say(setting, name, setting.fill(name, key, changes)), said)
        yield from _foresee_read(setting, remark=remark)


def _foresee_read(setting: Setting, key_id: str | None = None, remark: str = "") -> Iterator[Foreseen]:
    if setting.contract.supports("get_key"):
        yield Foreseen("read", _say_named(setting, "get_key", key_id or setting.key_id), remark)
    else:
        yield Foreseen("read", say(setting, "list_keys", {}), f"{remark}; all pages".removeprefix("; "))


def say(setting: Setting, name: OperationName, values: Mapping[str, object]) -> str:
    """Say a request: method, path, and what it sends; of a list, whose pages differ, no query."""
    if name in _LISTS:
        operation = setting.contract.operation(name)
        return f"{operation.method} {setting.contract.base}{operation.path}"
    request = build_request(setting.contract, name, values)
    body = "" if request.json is None else f" {json.dumps(request.json, ensure_ascii=False, default=_hide)}"
    return display(f"{request.method} {request.target}{body}", limit=1000)


def say_short(setting: Setting, name: OperationName, fields: Iterable[str] = ()) -> str:
    """Say a request by its method, the contract's path, and what it carries that is worth saying."""
    operation = setting.contract.operation(name)
    return " ".join((f"{operation.method} {setting.contract.base}{operation.path}", *fields))


def _say_named(setting: Setting, name: Literal["get_key", "delete_key"], key_id: str) -> str:
    return say(setting, name, fill_name(setting.contract, name, _named(setting, key_id)))


def _named(setting: Setting, key_id: str) -> Key:
    """Give a key by its ID and, where the hub makes them up, a handle that nobody knows yet."""
    return Key(key_id, handle=_HANDLE if setting.has_handles else None)


def _name(changes: Mapping[str, Any]) -> str:
    return ", ".join(name.replace("_", " ") for name in changes)


def _hide(_: object) -> str:
    return "(its value)"
