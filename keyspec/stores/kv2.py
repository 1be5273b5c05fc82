"""One KV version 2 engine's secrets over HTTP: the requests, and what their answers mean.

    GET   sys/internal/ui/mounts/P   which engine serves a path, and is it KV version 2      (as the vault CLI asks)
    POST  sys/capabilities-self      what the token may do
    GET   M/subkeys/P                the names in a secret, its version, no values           (Vault 1.10, OpenBao)
    GET   M/data/P                   the values
    POST  M/data/P                   a new secret, or one over a deleted one     with cas
    PATCH M/data/P                   some fields of a secret that is there       with cas    (Vault 1.9, OpenBao)
    POST  M/destroy/P                older versions

Every write names the version it goes on from (`options.cas`), so one that arrives late, or twice, changes nothing.
Reads are tried twice; a write whose outcome is unknown is `Unsure` and never sent again blindly. Redirects are not
followed, since the token and values would go along: `VAULT_ADDR` names the active node or a balancer before it.
Answers are never quoted: they may repeat what was sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from keyspec.errors import StoreError
from keyspec.spec import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hvac.adapters import RawAdapter
    from requests import Response

TIMEOUT_S: Final = 10.0
"""For each request; several of them fit into the minute that a mark's lease grants to the store."""

_READS: Final = 2
_TEMPORARY: Final = frozenset({412, 429, 500, 502, 503, 504})
_NEEDED: Final = frozenset({"create", "read", "update", "patch"})
_POOL: Final = 16


class Unsure(StoreError):  # noqa: N818 - an outcome, named as one
    """Nobody knows whether a write was done."""


@dataclass(frozen=True, slots=True)
class Place:
    """A secret: where its engine is mounted, and its path there."""

    mount: str
    path: str

    def under(self, part: str) -> str:
        """Give the path of one of the engine's endpoints for this secret."""
        return f"{self.mount}/{part}/{self.path}"


@dataclass(frozen=True, slots=True)
class Names:
    """The names in a secret, as `subkeys` tells them, at a version; None where the secret is not there or deleted."""

    version: int
    tree: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Kv2:
    """A Vault or OpenBao server, and the token for it."""

    adapter: RawAdapter

    def find(self, path: str) -> Place:
        """Find the engine that serves a path."""
        answer = self._read(f"sys/internal/ui/mounts/{_quote(path)}", may=(HTTPStatus.FORBIDDEN,))
        if answer.status_code == HTTPStatus.FORBIDDEN:
            raise StoreError("permission denied (403): no engine is mounted there, or the token may not use it")
        found = _data(answer)
        mount = str(found.get("path", "")).strip("/")
        options = found.get("options") or {}
        if not mount or found.get("type") not in ("kv", "generic") or options.get("version") != "2":
            raise StoreError("what is mounted there is not a KV engine of version 2")
        if not path.startswith(f"{mount}/"):
            raise StoreError("it names the engine, and no secret in it")
        return Place(mount, path.removeprefix(f"{mount}/"))

    def check_token(self, place: Place) -> None:
        """Raise StoreError unless the token may do all that keeping a value needs."""
        data, subkeys = place.under("data"), place.under("subkeys")
        answer = self._read("sys/capabilities-self", body={"paths": [data, subkeys]}, may=(HTTPStatus.FORBIDDEN,))
        if answer.status_code == HTTPStatus.FORBIDDEN:
            raise StoreError("the token may not ask what it may do (sys/capabilities-self, in the policy `default`)")
        granted = _data(answer)
        for path, needed in ((data, _NEEDED), (subkeys, frozenset({"read"}))):
            has = frozenset(granted.get(path, ()))
            if "root" not in has and not needed <= has:
                lacking = ", ".join(sorted(needed - has))
                raise StoreError(f"permission denied: the token's policies lack {lacking} on {path}")

    def names(self, place: Place, version: int | None = None) -> Names | None:
        """Give the names in a secret, now or at a version; None where that never was, or is no longer kept."""
        query = "" if version is None else f"?version={version}"
        answer = self._read(_quote(place.under("subkeys")) + query, may=(HTTPStatus.NOT_FOUND,))
        body = _body(answer)
        if answer.status_code == HTTPStatus.NOT_FOUND and not isinstance(body.get("data"), dict):
            if body.get("errors"):
                what = (
                    "is the engine gone, or the server older than Vault 1.10, which cannot tell names without values?"
                )
                raise StoreError(f"{place.under('subkeys')} is not there (404): {what}")
            return None
        found = _data(answer)
        return Names(int(found["metadata"]["version"]), found.get("subkeys"))

    def values(self, place: Place) -> Mapping[str, Any]:
        """Give the fields of a secret with their values."""
        answer = self._read(_quote(place.under("data")), may=(HTTPStatus.NOT_FOUND,))
        return {} if answer.status_code == HTTPStatus.NOT_FOUND else _data(answer).get("data") or {}

    def write(self, place: Place, names: Names | None, change: Mapping[str, Any]) -> bool:
        """Change some fields (None takes one away) if the secret is still as `names` says; tell whether it was.

        Raises:
            Unsure: nobody knows whether it was done.
        """
        fresh = names is None or names.tree is None
        body = {"options": {"cas": names.version if names else 0}, "data": _prune(change) if fresh else change}
        url = _quote(place.under("data"))
        try:
            answer = self._send("post" if fresh else "patch", url, body)
        except OSError as error:
            raise Unsure(f"the answer to a write was lost ({_name(error)})") from None
        if answer.status_code == HTTPStatus.BAD_REQUEST and "check-and-set" in answer.text:
            return False
        if answer.status_code == HTTPStatus.NOT_FOUND and not fresh:
            return False
        if answer.status_code in _TEMPORARY and not _is_sealed(answer):
            raise Unsure(_explain(answer, url))
        _check(answer, url)
        return True

    def destroy(self, place: Place, versions: Iterable[int]) -> None:
        """Destroy older versions for good."""
        if wanted := list(versions):
            self._read(_quote(place.under("destroy")), body={"versions": wanted})

    def _read(self, url: str, *, body: object = None, may: tuple[int, ...] = ()) -> Response:
        """Send what may be sent twice, and give its answer if that is a success, or one of `may`."""
        for attempt in range(1, _READS + 1):
            try:
                answer = self._send("get" if body is None else "post", url, body)
            except OSError as error:
                if attempt == _READS:
                    raise StoreError(f"the server does not answer ({_name(error)})") from None
                continue
            if attempt == _READS or answer.status_code not in _TEMPORARY or _is_sealed(answer):
                break
        if answer.status_code not in may:
            _check(answer, url)
        return answer

    def _send(self, method: str, url: str, body: object) -> Response:
        kind = "application/merge-patch+json" if method == "patch" else "application/json"
        answer: Response = self.adapter.request(
            method,
            f"/v1/{url}",
            headers={"Content-Type": kind},
            data=None if body is None else json.dumps(body).encode(),
            raise_exception=False,
        )
        return answer


def connect(environ: Mapping[str, str], timeout_s: float) -> Kv2:
    """Make the client that VAULT_ADDR, VAULT_TOKEN (or ~/.vault-token), VAULT_NAMESPACE and VAULT_CACERT describe.

    Raises:
        StoreError: one of them is missing or cannot be used, or the extra is not installed.
    """
    try:
        import requests
        from hvac.adapters import RawAdapter
        from requests.adapters import HTTPAdapter
    except ImportError as error:
        raise StoreError(f"vault: references need {error.name}: pip install 'keyspec[vault]'") from None
    address = _check_address(environ.get("VAULT_ADDR", ""))
    session = requests.Session()
    session.trust_env = False  # else a .netrc or REQUESTS_CA_BUNDLE would have a say
    session.proxies = requests.utils.get_environ_proxies(address)
    session.verify = _find_ca(environ)
    session.mount(address, HTTPAdapter(pool_maxsize=_POOL))
    return Kv2(
        RawAdapter(
            base_uri=address,
            token=_find_token(environ),
            namespace=environ.get("VAULT_NAMESPACE") or None,
            verify=session.verify,
            timeout=timeout_s,
            allow_redirects=False,
            session=session,
        )
    )


def _check_address(address: str) -> str:
    parts = urlsplit(address)
    if not address:
        raise StoreError("VAULT_ADDR is not set")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise StoreError("VAULT_ADDR is no address like https://vault.example.org:8200")
    if parts.scheme == "http" and not is_loopback(address):
        raise StoreError("VAULT_ADDR begins with http:, so the token and values would be read on the way: use https:")
    return address.rstrip("/")


def _find_token(environ: Mapping[str, str]) -> str:
    if token := environ.get("VAULT_TOKEN", "").strip():
        return token
    try:
        token = (Path(environ["HOME"]) / ".vault-token").read_text("ascii").strip()
    except (KeyError, OSError, ValueError):
        token = ""
    if not token:
        raise StoreError("there is no token: neither VAULT_TOKEN nor ~/.vault-token")
    return token


def _find_ca(environ: Mapping[str, str]) -> str | bool:
    path = environ.get("VAULT_CACERT")
    if path and not Path(path).is_file():
        raise StoreError("VAULT_CACERT names no file")
    return path or True


def _check(answer: Response, url: str) -> None:
    if not HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
        raise StoreError(_explain(answer, url))


def _explain(answer: Response, url: str) -> str:
    """Say what a failure means, quoting nothing of its text."""
    where = unquote(url.partition("?")[0])
    match answer.status_code:
        case HTTPStatus.FORBIDDEN:
            return f"permission denied (403) on {where}: the token is not valid, or its policies do not grant this"
        case HTTPStatus.NOT_FOUND:
            return f"{where} is not there (404): no engine is mounted there"
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return f"{where} does not take this request (405): the server is older than Vault 1.10"
        case HTTPStatus.TOO_MANY_REQUESTS:
            return "the server says that it was asked too often (429)"
        case HTTPStatus.SERVICE_UNAVAILABLE if _is_sealed(answer):
            return "the server is sealed (503)"
        case status if status in range(HTTPStatus.MULTIPLE_CHOICES, HTTPStatus.BAD_REQUEST):
            return f"the server sends on to another one ({status}), which is not followed: let VAULT_ADDR name that one"
        case status:
            return f"the server answered {status} on {where}"


def _is_sealed(answer: Response) -> bool:
    return answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and "sealed" in answer.text


def _body(answer: Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _data(answer: Response) -> Mapping[str, Any]:
    data = _body(answer).get("data")
    if not isinstance(data, dict):
        raise StoreError("the server answers what is no answer of Vault")
    return data


def _prune(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give what a change makes of nothing."""
    return {
        name: _prune(value) if isinstance(value, dict) else value for name, value in tree.items() if value is not None
    }


def _name(error: OSError) -> str:
    return type(error).__name__


def _quote(path: str) -> str:
    return quote(path, safe="/")
