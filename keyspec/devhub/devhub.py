"""A whole hub in one object: started by `with`, looked into and changed by hand.

    with DevHub("dev", knobs=Knobs(faults=parse_faults("POST /api_keys 1 after:drop"))) as hub:
        value = hub.seed_key("ci_deployer", roles=["Operator"])
        ...                       # talk to hub.url with hub.admin_value
        assert [r.status for r in hub.requests] == [None, 200]
        assert "ci_deployer" in hub

Rules:

* There is always a key to begin with: at each start the admin key is made, or, in a database that
  has it, unlocked and given this start's value, as no hub could say the former one.
* Built-in roles are put into a new database only; what a test removed stays removed.
* Hands-on methods act as somebody at the portal would: the hub's rules hold, nothing is logged, and the
  words are the hub's own, whatever its dialect: seconds, `locked`, roles by name.
  `seed_key` alone also takes IDs that no portal would.
* `go_down` and `come_up` end and restart the listening, on the same port, with the same content.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from keyspec.devhub.credentials import make_value
from keyspec.devhub.dialect import Dialect
from keyspec.devhub.dialects import DEFAULT_DIALECT, find_dialect
from keyspec.devhub.gate import Gate
from keyspec.devhub.hub import Hub
from keyspec.devhub.knobs import Knobs
from keyspec.devhub.model import BUILT_IN_ROLES, DEFAULT_TIMEOUT_S, Edit, Key, Role, sort_roles
from keyspec.devhub.query import Query
from keyspec.devhub.server import Server, Tls
from keyspec.devhub.storage import Storage
from keyspec.devhub.wirelog import Exchange, WireLog

_ADMIN_ROLE = BUILT_IN_ROLES[0]
_ALL_ROLES = Query(limit=-1)


class DevHub:
    """A local Analytics Hub on a loopback socket."""

    def __init__(  # noqa: PLR0913 - one setting each, all by name
        self,
        name: str = "devhub",
        *,
        database: Path | str | None = None,
        admin_key_id: str = "keyspec_ci",
        admin_value: str | None = None,
        roles: Iterable[Role] = (),
        knobs: Knobs | None = None,
        dialect: Dialect | str = DEFAULT_DIALECT,
        host: str = "127.0.0.1",
        port: int = 0,
        tls_cert: Path | str | None = None,
        tls_key: Path | str | None = None,
        tls_client_ca: Path | str | None = None,
    ) -> None:
        """Describe a hub; `roles` are there beside the built-in ones, port 0 is any free port.

        `dialect` is a name of `dialects`, or one that a test made.
        """
        self.name = name
        self.admin_key_id = admin_key_id
        self.admin_value = make_value() if admin_value is None else admin_value
        self._database = database
        self._roles = tuple(roles)
        self._knobs = knobs or Knobs()
        self.dialect = find_dialect(dialect) if isinstance(dialect, str) else dialect
        self._host = host
        self._port = port
        self._tls = _read_tls(tls_cert, tls_key, tls_client_ca)
        self._wire_log = WireLog(self.dialect.secrets)
        self._server: Server | None = None

    # Life

    def start(self) -> None:
        """Open the database and listen."""
        self._storage = Storage(self._database)
        try:
            self._hub = Hub(self._storage, self._knobs)
            self._gate = Gate(self._hub, self.dialect, self._wire_log, self._knobs)
            self._furnish()
            self.come_up()
        except BaseException:
            self._storage.close()
            raise

    def stop(self) -> None:
        """Stop listening and close the database."""
        self.go_down()
        self._storage.close()

    def come_up(self) -> None:
        """Listen, on the port it had before, if it had one."""
        if self._server is None:
            self._server = Server(self._gate, host=self._host, port=self._port, tls=self._tls)
            self._port = self._server.port

    def go_down(self) -> None:
        """Stop listening, end all connections, keep the content."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the hub listens, without a path."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self._port}"

    # What was sent, and how the hub behaves

    @property
    def requests(self) -> list[Exchange]:
        """The requests so far, in order of arrival."""
        return self._wire_log.list_exchanges()

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self._wire_log.clear()

    @property
    def knobs(self) -> Knobs:
        """How the hub behaves now."""
        return self._knobs

    def set_knobs(self, knobs: Knobs | None = None, **changes: Any) -> None:
        """Behave as `knobs` say (as now, without them) but for the changes; faults count anew."""
        self._knobs = replace(knobs or self._knobs, **changes)
        self._gate.turn_knobs(self._knobs)

    # Keys, by hand

    def __contains__(self, key_id: object) -> bool:
        return isinstance(key_id, str) and self._storage.find_key(key_id) is not None

    def keys(self) -> dict[str, dict[str, Any]]:
        """Return every key by ID: description, roles, reauthentication_timeout, locked."""
        return {
            key.key_id: {
                "description": key.description,
                "roles": list(key.roles),
                "reauthentication_timeout": key.reauthentication_timeout,
                "locked": key.locked,
            }
            for key in self._storage.all_keys()
        }

    def seed_key(
        self,
        key_id: str,
        *,
        description: str = "",
        roles: Iterable[str] = ("User",),
        reauthentication_timeout: int = DEFAULT_TIMEOUT_S,
        locked: bool = False,
        value: str | None = None,
    ) -> str:
        """Add a key of any ID and return its value."""
        key = Key(key_id, description, sort_roles(roles), reauthentication_timeout, locked)
        made = make_value() if value is None else value
        self._hub.seed([(key, made)])
        return made

    def seed_keys(
        self,
        key_ids: Iterable[str],
        *,
        description: str = "",
        roles: Iterable[str] = ("User",),
        reauthentication_timeout: int = DEFAULT_TIMEOUT_S,
        locked: bool = False,
    ) -> dict[str, str]:
        """Add many keys that are alike, at once, and return their values by ID."""
        names = sort_roles(roles)
        build_key = functools.partial(
            Key, description=description, roles=names, reauthentication_timeout=reauthentication_timeout, locked=locked
        )
        values = {key_id: make_value() for key_id in key_ids}
        self._hub.seed((build_key(key_id), value) for key_id, value in values.items())
        return values

    def edit_key(
        self,
        key_id: str,
        *,
        description: str | None = None,
        roles: Sequence[str] | None = None,
        reauthentication_timeout: int | None = None,
    ) -> None:
        """Change the given fields of a key."""
        names = None if roles is None else sort_roles(roles)
        self._hub.edit_key(key_id, Edit(description, names, reauthentication_timeout))

    def lock_key(self, key_id: str) -> None:
        """Lock a key."""
        self._hub.set_lock(key_id, locked=True)

    def unlock_key(self, key_id: str) -> None:
        """Unlock a key."""
        self._hub.set_lock(key_id, locked=False)

    def delete_key(self, key_id: str) -> None:
        """Delete a key for good."""
        self._hub.delete_key(key_id)

    def check_value(self, value: str, *, usable: bool = False) -> str | None:
        """Return the ID of the key that has this value; with `usable`, only of an unlocked one."""
        key = self._hub.find_holder(value)
        return None if key is None or (usable and key.locked) else key.key_id

    # Roles, by hand

    def roles(self) -> dict[str, Role]:
        """Return every role by name."""
        return {role.name: role for role in self._hub.list_roles(_ALL_ROLES).rows}

    def add_role(self, name: str, *, permissions: Iterable[str] = (), description: str = "") -> None:
        """Add a role, or replace the one of this name."""
        self._storage.put_role(Role(name, tuple(permissions), description))

    def remove_role(self, name: str) -> None:
        """Delete a role; keys that had it are silently weakened."""
        self._storage.remove_role(name)

    def _furnish(self) -> None:
        fresh = self._storage.count_roles() == 0
        for role in (*(BUILT_IN_ROLES if fresh else (_ADMIN_ROLE,)), *self._roles):
            self._storage.put_role(role)
        self._hub.ensure_admin(self.admin_key_id, role=_ADMIN_ROLE.name, value=self.admin_value)


def _read_tls(cert: Path | str | None, key: Path | str | None, client_ca: Path | str | None) -> Tls | None:
    if cert is None and key is None and client_ca is None:
        return None
    if cert is None or key is None:
        raise ValueError("TLS needs both tls_cert and tls_key")
    return Tls(Path(cert), Path(key), None if client_ca is None else Path(client_ca))
