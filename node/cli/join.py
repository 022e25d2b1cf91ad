"""`poyong join`: the folder of a node that joins a chain which runs already."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import click

from api import calls
from api.encoding import hex_of
from api.light import TrustedHeader, anchor_to_json
from ledger import genesis
from ledger.errors import LocalError
from ledger.genesis import Genesis
from ledger.primitives import HASH_BYTES
from node import config
from node.cli.home import NODE_KEY, home_option
from node.cli.output import json_option, print_json, write_json
from node.cli.rpc import ask
from node.files.disk_errors import os_error, sync_folder
from node.files.proof_files import read_trusted_header, require_of_chain
from node.keys import keystore
from node.keys.keystore import KeyKind
from node.modules import build_executor

GENESIS_FILE: Final = "genesis.json"
TRUSTED_FILE: Final = "trusted-header.json"


@click.command()
@home_option("Folder to make.")
@click.option("--genesis-hash", help="Of the chain, from a source that you trust.")
@click.option(
    "--trusted",
    "trusted_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A header that `poyong verify --keep` wrote, from a source that you trust: in place of "
    "--genesis-hash, and safer.",
)
@click.option("--from", "rpc_url", metavar="URL", help="JSON-RPC of any node of the chain.")
@click.option(
    "--genesis",
    "genesis_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The genesis document, in place of --from.",
)
@click.option(
    "--peer", "peers", multiple=True, required=True, help="NODE_KEY@HOST:PORT; give several."
)
@click.option("--organisation", required=True, help="Whose node it is.")
@click.option("--password-file", type=click.Path(path_type=Path), help="Else asked for.")
@click.option("--whole", is_flag=True, help="Fetch every block from genesis on: no snapshot.")
@click.option("--start", "start_now", is_flag=True, help="Start the node at once.")
@json_option
def join(
    home: Path,
    genesis_hash: str | None,
    trusted_file: Path | None,
    rpc_url: str | None,
    genesis_file: Path | None,
    peers: tuple[str, ...],
    organisation: str,
    password_file: Path | None,
    whole: bool,
    start_now: bool,
    as_json: bool,
) -> int:
    """Prepare an observer of a chain that runs: genesis document, key and configuration.

    The document may come from anybody: it has to give the genesis hash. Nothing is made unless
    everything fits. Once the chain has admitted the node's key, `poyong start` begins with a
    snapshot of its peers, checked from genesis on, and fetches the blocks after it. With a trusted
    header the snapshot has to follow from that block too, so that stolen keys of validators who
    left before it prove nothing.
    """
    if home.exists() and any(home.iterdir()):
        raise LocalError(f"{home} is not empty: name another folder with --home")
    trusted = _trusted(trusted_file, genesis_hash, whole=whole)
    document = _document(rpc_url, genesis_file)
    found = genesis.header(document, build_executor()).hash
    if genesis_hash is not None and found != (wanted := _hash(genesis_hash)):
        raise LocalError(
            f"the genesis document of {genesis_file or rpc_url} has the genesis hash "
            f"{hex_of(found)}, wanted is {hex_of(wanted)}: it is of another chain; ask another "
            "node, or correct --genesis-hash"
        )
    if trusted is not None and trusted_file is not None:
        require_of_chain(trusted, document.chain_id, found, trusted_file)
    options = config.Config(
        node=config.NodeConfig(
            name=organisation,
            password_file="" if password_file is None else str(password_file.resolve()),
        ),
        network=config.NetworkConfig(peers=peers),
        snapshots=config.SnapshotsConfig(
            join=not whole, trusted_header="" if trusted is None else TRUSTED_FILE
        ),
    )
    text = config.render(options)
    config.parse(text, Path("--peer"), {})
    password = keystore.read_password(password_file, "the new key")
    node_key = _make(home, document, text, trusted, password, organisation)
    _show(home, document, found, trusted, organisation, node_key, as_json=as_json)
    if not start_now:
        return 0
    if as_json:
        os.environ["POYONG_LOG_FORMAT"] = "json"
    from node.assembly import run_node

    return run_node(home)


def _show(
    home: Path,
    document: Genesis,
    genesis_hash: bytes,
    trusted: TrustedHeader | None,
    organisation: str,
    node_key: bytes,
    *,
    as_json: bool,
) -> None:
    entry: dict[str, Any] = {"organisation": organisation, "node_key": node_key.hex()}
    if as_json:
        block = None if trusted is None else hex_of(trusted.anchor.block_hash)
        height = None if trusted is None else trusted.anchor.height
        print_json(
            {
                "home": str(home),
                "genesis_hash": hex_of(genesis_hash),
                "trusted_height": height,
                "trusted_block": block,
                "entry": entry,
            }
        )
    else:
        click.echo(json.dumps(entry, indent=2, ensure_ascii=False))
        click.echo(
            f"Made {home} for chain {document.chain_id} ({document.name}). Give the entry above to "
            "the organisations that decide: they admit the node with governance.add_observer. Then "
            f"run poyong start --home {home}; poyong status --home {home} shows how far it is.",
            err=True,
        )
        if trusted is not None:
            click.echo(
                f"It trusts block {trusted.anchor.height} with the hash "
                f"{hex_of(trusted.anchor.block_hash)}: compare both with somebody who runs a node.",
                err=True,
            )


def _trusted(file: Path | None, genesis_hash: str | None, *, whole: bool) -> TrustedHeader | None:
    """What the node is to trust beside the genesis document, None for nothing."""
    if file is None:
        if genesis_hash is None:
            raise LocalError("say what you trust: give --genesis-hash, or --trusted FILE")
        return None
    if whole:
        raise LocalError(
            "--whole fetches every block from genesis on, which trusts genesis alone: leave it "
            "out, or leave out --trusted and give --genesis-hash"
        )
    return read_trusted_header(file)


def _hash(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != HASH_BYTES:
        raise LocalError(f"--genesis-hash: expected 64 hex digits, found {text!r:.80}")
    return found


def _document(rpc_url: str | None, genesis_file: Path | None) -> Genesis:
    if (rpc_url is None) == (genesis_file is None):
        raise LocalError("say where the genesis document is: either --from URL or --genesis FILE")
    if genesis_file is not None:
        try:
            data = genesis_file.read_bytes()
        except OSError as error:
            raise os_error("read", genesis_file, error) from error
        return genesis.parse(data, str(genesis_file))
    url = rpc_url or ""
    return genesis.parse(ask(url, calls.get_genesis())["document"].encode(), f"genesis of {url}")


def _make(
    home: Path,
    document: Genesis,
    text: str,
    trusted: TrustedHeader | None,
    password: str,
    organisation: str,
) -> bytes:
    """Make the folder, whole or not at all; the node's public key."""
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
        try:
            key = keystore.create_key(made / NODE_KEY, KeyKind.NODE, password, label=organisation)
            (made / GENESIS_FILE).write_bytes(document.canonical())
            (made / config.CONFIG_FILE).write_text(text, encoding="utf-8")
            if trusted is not None:
                write_json(made / TRUSTED_FILE, anchor_to_json(trusted))
            made.replace(home)  # an empty folder may be there
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        sync_folder(home.parent)
    except OSError as error:
        raise os_error("create", home, error) from error
    return key.public_key
