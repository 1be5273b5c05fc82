"""`keyspec demo`: plan, apply and plan again on three local hubs."""

from __future__ import annotations

import rich_click as click


@click.command("demo")
def command() -> int:
    r"""Walk through plan and apply on three local hubs.

    Starts real hubs on this machine, shows a plan, applies it over HTTP, shows that a second plan is
    empty, and leaves nothing behind. Needs the extra keyspec[devhub].

    \b
    Example:
      pip install 'keyspec[devhub]' && keyspec demo
    """
    from keyspec.commands.extras import need_devhub

    need_devhub()
    from keyspec.demo import run_demo

    return run_demo(click.echo)
