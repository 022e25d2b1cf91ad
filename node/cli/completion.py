"""`poyong completion`: the script that a shell reads to complete commands and options."""

from typing import Final

import click
from click.shell_completion import get_completion_class

from ledger.errors import LocalError
from node.cli.output import json_option, print_json

_SHELLS: Final = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@json_option
def completion(shell: str, as_json: bool) -> None:
    """Print the completion script of SHELL, e.g. `eval "$(poyong completion bash)"`."""
    completer = get_completion_class(shell)
    if completer is None:
        raise LocalError(f"no completion for {shell}: choose one of {', '.join(_SHELLS)}")
    from node.cli import root

    script = completer(root, {}, "poyong", "_POYONG_COMPLETE").source()
    if as_json:
        print_json({"shell": shell, "script": script})
    else:
        click.echo(script)
