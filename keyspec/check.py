"""One thing that `keyspec doctor` looked at: `ok`, `warning` (worth knowing, works all the same) or `failed`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, and what was found; `hint` says what to do where it is not ok."""

    subject: str
    verdict: Verdict
    message: str
    hint: str | None = None
