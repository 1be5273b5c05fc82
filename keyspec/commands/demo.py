"""`keyspec demo`: plan, apply and plan again on three local hubs."""

from __future__ import annotations

from keyspec.commands.options import command as declare
from keyspec.commands.screen import write_out


@declare("demo", examples=("keyspec demo",))
def command() -> int:
    """Walk through plan and apply on three local hubs.

    Starts real hubs on this machine, shows a plan, applies it over HTTP, shows that a last plan is
    empty, and leaves nothing behind. Needs the extra `devhub`: pip install 'keyspec[devhub]'.
    """
    from keyspec.commands.extras import need_devhub

    need_devhub()
    from keyspec.demo import run_demo

    return run_demo(lambda text: write_out(f"{text}\n"))
