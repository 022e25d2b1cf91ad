"""`poyong init` and `poyong start`: the folder of one node, and running it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from ledger.errors import LocalError
from node import config
from node.cli.output import json_option, print_json
from node.files.disk_errors import os_error
from node.keys import keystore
from node.keys.keystore import KeyKind

VALIDATOR_KEY: Final = "keys/validator.json"
NODE_KEY: Final = "keys/node.json"
DEFAULT_HOME: Final = Path(".poyong/node")

Command = TypeVar("Command", bound=Callable[..., Any])


def home_option(meaning: str) -> Callable[[Command], Command]:
    """--home, the folder of a node, for commands that work on its files."""
    return click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        default=DEFAULT_HOME,
        show_default=True,
        help=meaning,
    )


@click.command()
@home_option("Folder to make.")
@click.option("--organisation", required=True, help="Whose node it is, as in the registry.")
@click.option("--observer", is_flag=True, help="Follow the chain without voting.")
@click.option("--password-file", type=click.Path(path_type=Path), help="Else asked for.")
@json_option
def init(
    home: Path, organisation: str, observer: bool, password_file: Path | None, as_json: bool
) -> None:
    """Prepare the folder of one node: keys and a configuration with every option explained.

    Prints the entry that the chain's genesis needs of this node (poyong genesis add-validator).
    """
    file = home / config.CONFIG_FILE
    if file.exists():
        raise LocalError(f"{file} exists: name another folder with --home")
    password = keystore.read_password(password_file, "the new keys")
    kinds = {KeyKind.NODE: NODE_KEY} | ({} if observer else {KeyKind.VALIDATOR: VALIDATOR_KEY})
    made = {
        kind: keystore.create_key(home / path, kind, password, label=organisation)
        for kind, path in kinds.items()
    }
    options = config.Config(
        node=config.NodeConfig(
            name=organisation,
            validator_key="" if observer else VALIDATOR_KEY,
            node_key=NODE_KEY,
            password_file="" if password_file is None else str(password_file.resolve()),
        )
    )
    try:
        file.write_text(config.render(options), encoding="utf-8")
    except OSError as error:
        raise os_error("write", file, error) from error
    entry: dict[str, Any] = {"organisation": organisation}
    if not observer:
        entry["public_key"] = made[KeyKind.VALIDATOR].public_key.hex()
    entry["node_key"] = made[KeyKind.NODE].public_key.hex()
    if as_json:
        print_json({"home": str(home), "entry": entry})
        return
    click.echo(json.dumps(entry, indent=2, ensure_ascii=False))
    click.echo(
        f"Made {home}. Give the entry above to who writes the genesis document; put that document "
        f"in {home / 'genesis.json'}, the other nodes in [network] peers of {file}, then run "
        f"poyong start --home {home}",
        err=True,
    )


@click.command()
@home_option("Folder of the node.")
@click.option("--parent", type=int, hidden=True, help="End when this process does.")
@json_option
def start(home: Path, parent: int | None, as_json: bool) -> int:
    """Run a node until SIGTERM or Ctrl-C; its log goes to stderr (--json: as JSON lines)."""
    if parent is not None:
        from node.parent import end_with

        end_with(parent)
    if as_json:
        os.environ["POYONG_LOG_FORMAT"] = "json"
    from node.assembly import run_node

    return run_node(home)
