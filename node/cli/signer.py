"""`poyong signer`: a process of its own that holds a validator's key."""

import os
from pathlib import Path

import click

from ledger.errors import LocalError
from ledger.primitives import HASH_BYTES
from node.cli.home import VALIDATOR_KEY, home_option
from node.cli.output import json_option, print_fields, print_json
from node.files.disk_errors import os_error
from node.keys import keystore
from node.keys.keystore import KeyKind

TLS_KEY = "keys/signer.json"


@click.group()
def signer() -> None:
    """A process that holds a validator's key and never signs what contradicts what it signed."""


@signer.command()
@home_option("Folder to make.")
@click.option("--chain-id", type=click.IntRange(1, 2**63 - 1), required=True)
@click.option("--genesis-hash", required=True, help="As `poyong genesis show` prints it.")
@click.option("--listen", default="unix:signer.sock", show_default=True, help="Or tls:HOST:PORT.")
@click.option("--node-key", "node_keys", multiple=True, help="Node that may ask, for tls.")
@click.option(
    "--pkcs11-key", help="Public key in hex of a key in a module; else a key file is made."
)
@click.option("--password-file", type=click.Path(path_type=Path), help="Else asked for.")
@json_option
def init(
    home: Path,
    chain_id: int,
    genesis_hash: str,
    listen: str,
    node_keys: tuple[str, ...],
    pkcs11_key: str | None,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Prepare the folder of a signer: keys, configuration, and the record of what was signed."""
    from node.signing import settings
    from node.signing.last_signed import create_record

    file = home / settings.SIGNER_FILE
    if file.exists():
        raise LocalError(f"{file} exists: name another folder with --home")
    settings.read_address(listen, "--listen")
    genesis = settings.read_hex(genesis_hash.removeprefix("0x"), HASH_BYTES, "--genesis-hash")
    if pkcs11_key is not None:
        settings.read_hex(pkcs11_key, 32, "--pkcs11-key")
    password = keystore.read_password(password_file, "the new keys")
    tls = keystore.create_key(home / TLS_KEY, KeyKind.NODE, password, label="signer")
    public_key = pkcs11_key
    if public_key is None:
        made = keystore.create_key(home / VALIDATOR_KEY, KeyKind.VALIDATOR, password)
        public_key = made.public_key.hex()
    found = settings.SignerHome(
        home,
        settings.ProcessConfig(
            chain_id=chain_id,
            genesis_hash=genesis.hex(),
            listen=listen,
            validator_key=VALIDATOR_KEY if pkcs11_key is None else "",
            tls_key=TLS_KEY,
            node_keys=node_keys,
            password_file="" if password_file is None else str(password_file.resolve()),
            public_key=public_key,
        ),
    )
    try:
        file.write_text(settings.render_home(found), encoding="utf-8")
    except OSError as error:
        raise os_error("write", file, error) from error
    create_record(found.state_path, found.domain)
    told = {"home": str(home), "public_key": public_key, "tls_key": tls.public_key.hex()}
    if as_json:
        print_json(told)
    else:
        print_fields(told)


@signer.command()
@home_option("Folder of the signer.")
@click.option("--parent", type=int, hidden=True, help="End when this process does.")
@json_option
def run(home: Path, parent: int | None, as_json: bool) -> int:
    """Run the signer until SIGTERM or Ctrl-C; its log goes to stderr (--json: as JSON lines)."""
    if parent is not None:
        from node.parent import end_with

        end_with(parent)
    from node.config import LogConfig
    from node.signing.process import run_signer
    from node.signing.settings import load_home

    written = "json" if as_json else os.environ.get("POYONG_LOG_FORMAT", "auto")
    return run_signer(load_home(home), LogConfig(format=written))
