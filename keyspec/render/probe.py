"""A probe for people and machines: what it would send, what it saw, and the contract that says so.

The contract holds what was seen of capabilities, and the rest as comments. Text from the hub is in the comments only,
displayed, and so on one line.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from keyspec.display import display
from keyspec.duration import format_duration
from keyspec.jsontext import encode_json
from keyspec.probe import overlay_of
from keyspec.render.console import cells, make_page, pad
from keyspec.render.json import warning_data
from keyspec.render.phrases import say_count, say_key, say_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keyspec.contract import Contract
    from keyspec.foreseen import Foreseen, Setting
    from keyspec.plan import Finding
    from keyspec.probe import Observation, Probed, Verdict
    from keyspec.render.console import Page, Style

_STYLES: Final[dict[Verdict, Style]] = {"agrees": "green", "differs": "yellow", "unknown": "red", "noted": "dim"}
_SAYS: Final[dict[Verdict, str]] = {
    "agrees": "as the contract says",
    "differs": "otherwise",
    "unknown": "could not be told",
    "noted": "not for the contract to say",
}
_MOST_SENT: Final = 60
_MOST_SEEN: Final = 600


def render_foreseen(setting: Setting, lines: tuple[Foreseen, ...], *, width: int) -> str:
    """Write what a probe would do, and every request that it would send."""
    page = make_page(color=False, width=width)
    timeout = format_duration(setting.timeouts_s[0])
    head = (
        f"A probe of hub {setting.hub}, {display(setting.url)}, makes the throw-away key {setting.key_id}"
        f" with the role {say_name(setting.role)} and the timeout {timeout}, and deletes it in the end. It sends:"
    )
    size = max(len(line.step) for line in lines)
    text = [page.wrap(display(head, limit=None), indent=0, hang=2), ""]
    for line in lines:
        text.append(f"  {pad(line.step, size)}  {page.wrap(line.request, indent=size + 4, hang=2)}")
        if line.remark:
            text.append(f"  {' ' * size}    {page.wrap(line.remark, indent=size + 6)}")
    return "\n".join(text) + "\n"


def render_probed(probed: Probed, *, color: bool, width: int) -> str:
    """Write a table of all that was seen, and what is left on the hub."""
    page = make_page(color=color, width=width)
    counts = {verdict: sum(row.verdict == verdict for row in probed.observations) for verdict in _STYLES}
    told = ", ".join(f"{count} {_SAYS[verdict]}" for verdict, count in counts.items() if count)
    lines = list(_table(probed.observations, page))
    where = f"hub {probed.hub} against `{probed.contract}`"
    seen = f"{say_count(len(probed.observations), 'observation')} of {where}" + (f": {told}." if told else ".")
    return "\n".join([*lines, *([""] if lines else []), page.wrap(display(seen, limit=None), indent=0, hang=2)]) + "\n"


def say_left(probed: Probed) -> Iterator[str]:
    """Say what is left on the hub, and how to remove it."""
    for key_id, why in (probed.left or {}).items():
        yield f"left on {display(probed.url)}: {say_key(key_id)}: {display(why, limit=_MOST_SEEN)}"
    if probed.left:
        yield "run the same command again, which removes it first, or delete it in the portal"


def say_harmed(probed: Probed) -> Iterator[str]:
    """Say which keys of others changed under the probe, which nobody can undo."""
    for key_id, what in (probed.harmed or {}).items():
        yield f"NOT A KEY OF THE PROBE, on {display(probed.url)}: {say_key(key_id)}: {display(what, limit=_MOST_SEEN)}"
    if probed.harmed:
        yield f"the probe stopped: look whether `{display(probed.contract)}` changes more than the key it names"


def render_probed_json(probed: Probed, out: str | None, warnings: Iterable[Finding] = ()) -> str:
    """Write what was seen as JSON; `out` is the contract that was written."""
    rows = [
        {"step": row.step, "sent": row.sent, "seen": row.seen, "verdict": row.verdict} for row in probed.observations
    ]
    document: dict[str, Any] = {
        "format": "keyspec-probe/1",
        "hub": probed.hub,
        "url": probed.url,
        "contract": probed.contract,
        "role": probed.role,
        "key_id": probed.key_id,
        "capabilities": {each.name: each.value for each in probed.capabilities},
        "sends_whole": probed.sends_whole,
        "denied_after_s": probed.denied_after_s,
        "observations": rows,
        "left": dict(probed.left or {}),
        "harmed": dict(probed.harmed or {}),
        "interrupted": probed.interrupted,
        "overlay": out,
    }
    return encode_json(document | warning_data(warnings), indent=2) + "\n"


def render_overlay(contract: Contract, probed: Probed, base: str, *, made_at: str, version: str) -> str:
    """Write the contract that extends `base` by what was seen, with all else that was seen as comments."""
    overlay = overlay_of(contract, probed, base)
    whys = {each.name: each.why for each in probed.capabilities}
    lines = [
        f"# What `keyspec contract probe` saw on {made_at}, with keyspec {version}:",
        f"# hub {probed.hub}, {display(probed.url)}, by the contract {probed.contract}, role {say_name(probed.role)}.",
        "# Name this file as the hub's `contract:`, or correct the contract itself.",
    ]
    for name, part in overlay.items():
        if not isinstance(part, dict):
            lines.append(f"{name}: {_say_scalar(part)}")
            continue
        lines.append(f"{name}:")
        lines += [f"  {field}: {_say_scalar(value)}{_say_why(whys.get(field))}" for field, value in part.items()]
    lines += ["", "# All that was seen:"]
    lines += [f"#   {_SAYS[row.verdict]}: {_say_row(row)}" for row in probed.observations]
    return "\n".join(lines) + "\n"


def _say_scalar(value: object) -> str:
    """Write a value in YAML's flow style, which JSON is."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_say_scalar(part)}" for name, part in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def _say_why(why: str | None) -> str:
    return f"  # {why}" if why else ""


def _say_row(row: Observation) -> str:
    sent = f" ({row.sent})" if row.sent else ""
    return display(f"{row.step}{sent}: {row.seen}", limit=_MOST_SEEN)


def _table(rows: tuple[Observation, ...], page: Page) -> Iterator[str]:
    columns = [(row.step, display(row.sent)) for row in rows]
    sizes = [min(max(map(cells, column)), _MOST_SENT) for column in zip(*columns, strict=True)]
    for row, texts in zip(rows, columns, strict=True):
        head = "  ".join(pad(text, size) for text, size in zip(texts, sizes, strict=True))
        verdict = page.paint(pad(row.verdict, 7), _STYLES[row.verdict])
        seen = page.wrap(display(row.seen, limit=_MOST_SEEN), indent=9 + cells(head) + 2)
        yield f"{verdict}  {head}  {seen}".rstrip()
