"""acrux completion: the script with which a shell completes commands."""

from typing import Final

import click
from click.shell_completion import get_completion_class

# A shell sets the second to ask for completions (click, "Shell Completion").
_PROGRAM: Final = "acrux"
_VARIABLE: Final = "_ACRUX_COMPLETE"

# click's test in zsh whether compinit has found the script holds only when it is read, which is the
# first time. The second time it would complete nothing.
_LOADED: Final = "$zsh_eval_context[-1] == loadautofunc"
_CALLED: Final = "$funcstack[1] == _acrux"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and their values in SHELL.

    Each shell looks for scripts in a folder of its own, and reads one when it is needed first. So
    a new shell starts as fast as before. In zsh, the folder must be in fpath before compinit.

    \b
    Examples:
      acrux completion bash > ~/.local/share/bash-completion/completions/acrux
      acrux completion zsh > ~/.zfunc/_acrux
      acrux completion fish > ~/.config/fish/completions/acrux.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 -- click has all three
    script = kind(context.find_root().command, {}, _PROGRAM, _VARIABLE).source()
    click.echo(script.replace(_LOADED, _CALLED))
