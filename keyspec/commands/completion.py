"""`keyspec completion`: the script that makes a shell complete keyspec's words."""

from __future__ import annotations

import rich_click as click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    r"""Print a shell's completion script.

    \b
    Examples:
      keyspec completion bash > ~/.local/share/bash-completion/completions/keyspec
      keyspec completion zsh > "${fpath[1]}/_keyspec"
      keyspec completion fish > ~/.config/fish/completions/keyspec.fish
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None or ctx.parent is None:
        return 1
    click.echo(found(ctx.parent.command, {}, "keyspec", "_KEYSPEC_COMPLETE").source())
    return 0
