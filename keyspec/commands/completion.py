"""`keyspec completion`: the script that makes a shell complete keyspec's words."""

from __future__ import annotations

import rich_click as click

from keyspec.commands.options import command as declare
from keyspec.commands.screen import write_out


@declare(
    "completion",
    examples=(
        "keyspec completion bash > ~/.local/share/bash-completion/completions/keyspec",
        'keyspec completion zsh > "${fpath[1]}/_keyspec"',
        "keyspec completion fish > ~/.config/fish/completions/keyspec.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print a shell's completion script.

    It completes commands and options, and hubs, labels and Key IDs as the spec at hand declares them.
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None or ctx.parent is None:
        return 1
    write_out(found(ctx.parent.command, {}, "keyspec", "_KEYSPEC_COMPLETE").source() + "\n")
    return 0
