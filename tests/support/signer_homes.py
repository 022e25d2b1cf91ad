"""Folders of signers: with the key of a validator of a town, or with a key of their own."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from consensus.messages import SigningDomain
from ledger import genesis
from ledger.crypto import Ed25519Signer
from ledger.primitives import Hash
from node import config
from node.cli.home import VALIDATOR_KEY
from node.keys import keystore
from node.keys.keystore import LOCAL_COST, KeyKind
from node.localnet.creation import PASSWORD
from node.modules import build_executor
from node.opening import read_genesis
from node.signing.last_signed import create_record
from node.signing.settings import (
    SIGNER_FILE,
    ProcessConfig,
    SignerConfig,
    SignerHome,
    render_home,
)
from node.signing.wire import Holder

DOMAIN: Final = SigningDomain(7, Hash(b"g" * 32))
SEED: Final = b"v" * 32
HOLDER: Final = Holder(0, b"p" * 16)


def own_home(folder: Path, listen: str = "unix:s", node_keys: tuple[str, ...] = ()) -> SignerHome:
    """A signer of DOMAIN with the key of SEED, its keys under the town's public password."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path, kind, seed in (
        ("keys/validator.json", KeyKind.VALIDATOR, SEED),
        ("keys/signer.json", KeyKind.NODE, b"t" * 32),
    ):
        keystore.create_key(folder / path, kind, PASSWORD, seed=seed, cost=LOCAL_COST)
    return _written(
        folder,
        ProcessConfig(
            chain_id=DOMAIN.chain_id,
            genesis_hash=DOMAIN.genesis_hash.hex(),
            listen=listen,
            node_keys=node_keys,
            public_key=Ed25519Signer(SEED).public_key.hex(),
        ),
    )


def take_key_out(node_home: Path, folder: Path) -> SignerHome:
    """Move a validator's key into a signer's folder, and let the node ask it over a socket."""
    settings = config.load(node_home / config.CONFIG_FILE, {})
    document = read_genesis(settings.path(settings.node.genesis))
    (folder / "keys").mkdir(parents=True, mode=0o700)
    folder.chmod(0o700)
    shutil.move(node_home / VALIDATOR_KEY, folder / VALIDATOR_KEY)
    public_key = keystore.read_key_info(folder / VALIDATOR_KEY).public_key.hex()
    asking = replace(
        settings,
        node=replace(settings.node, validator_key=""),
        signer=SignerConfig(kind="remote", public_key=public_key, address=f"unix:{folder}/s"),
    )
    (node_home / config.CONFIG_FILE).write_text(config.render(asking))
    return _written(
        folder,
        ProcessConfig(
            chain_id=document.chain_id,
            genesis_hash=genesis.header(document, build_executor()).hash.hex(),
            listen="unix:s",
            public_key=public_key,
        ),
    )


def _written(folder: Path, signer: ProcessConfig) -> SignerHome:
    password = folder / "password"
    password.touch(0o600)
    password.write_text(PASSWORD + "\n")
    home = SignerHome(folder, replace(signer, password_file="password"))
    (folder / SIGNER_FILE).write_text(render_home(home))
    create_record(home.state_path, home.domain)
    return home
