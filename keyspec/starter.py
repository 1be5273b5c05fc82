"""Specs that keyspec writes for people: the commented starter, and live keys as declarations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from keyspec.duration import MAX_DURATION_S, format_duration
from keyspec.model import is_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keyspec.model import Key

STARTER: Final = """\
# yaml-language-server: $schema=keyspec.schema.json
# What keyspec manages, and how: `keyspec validate` checks this file, `keyspec plan` shows what differs on the hubs,
# `keyspec apply` makes them so. Only what is declared here is compared.
keyspec: 1

hubs:
  {hub}:
    url: {url}
    # Where keyspec finds its own key, env:NAME or file:PATH, never the value; and the ID of that key,
    # so that keyspec never locks itself out.
    auth: {auth}
    auth_key_id: {auth_key_id}
    labels: {{env: lab}}              # selectors like env=lab choose hubs by these

defaults:                          # for every key
  store: file:secrets/{{hub}}/{{key}}  # where the values of created keys are kept; keep this folder out of Git

ownership:
  key_ids: ["ci_*"]                # live keys with these IDs belong to this spec
  unlisted: report                 # those it does not declare are reported; also: lock, delete

profiles:
  pipeline: {{roles: [Operator], reauth_timeout: 5m}}

"""
EXAMPLE: Final = """\
keys:
  ci_deployer:                     # the Key ID
    extends: pipeline
    description: Deploys from the release pipeline
  # ci_old: {state: absent}        # locked by one run, deleted by a later one with --allow-delete
  # break_glass: {roles: [Administrator], protected: true}
"""
IGNORE: Final = "/secrets/\n"


def write_starter(
    *, hub: str = "lab", url: str = "https://hub.example.com", auth: str = "env:HUB_KEY", own: str = "keyspec_ci"
) -> str:
    """Write the commented head of a spec, up to its keys."""
    return STARTER.format(hub=_quote(hub), url=_quote(url), auth=_quote(auth), auth_key_id=_quote(own))


def write_keys(keys: Iterable[Key]) -> str:
    """Write live keys as declarations; a spec of them plans nothing. What cannot be declared is said in comments."""
    found = sorted(keys, key=lambda key: key.key_id)
    declared = "".join(f"  {line}\n" for key in found if not _why_not(key) for line in _write_key(key))
    left_out = "".join(f"# {_quote(key.key_id)} cannot be declared: {why}\n" for key in found if (why := _why_not(key)))
    return left_out + (f"keys:\n{declared}" if declared else "keys: {}\n")


def _why_not(key: Key) -> str | None:
    if not is_name(key.key_id):
        return "its ID holds other characters than keyspec allows"
    return None if key.roles else "it has no roles"


def _write_key(key: Key) -> Iterator[str]:
    yield f"{_quote(key.key_id)}:"
    if key.description:
        yield f"  description: {_quote(key.description)}"
    yield f"  roles: [{', '.join(_quote(role) for role in key.roles or ())}]"
    if key.reauth_timeout_s is not None and 1 <= key.reauth_timeout_s <= MAX_DURATION_S:
        yield f"  reauth_timeout: {format_duration(key.reauth_timeout_s)}"
    elif key.reauth_timeout_s is not None:
        yield f"  # its timeout of {key.reauth_timeout_s} s cannot be declared, and is left as it is"
    if key.state is not None:
        yield f"  state: {key.state}"


def _quote(text: str) -> str:
    """Write text as a YAML scalar: plain if nobody could read it as something else, else as JSON has it.

    JSON's surrogate pairs are no YAML, so what is not printable is escaped by its number.
    """
    if is_name(text) and not text[0].isdigit() and text.lower() not in _WORDS:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in quoted)


_WORDS: Final = ("true", "false", "null", "yes", "no", "on", "off")
