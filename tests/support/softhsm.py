"""SoftHSM2 in the place of a hardware module: a token with keys, in a folder of its own."""

import importlib
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from node.signing.hsm import ModuleSigner
from node.signing.settings import Pkcs11Config

UTIL: Final = shutil.which("softhsm2-util")
MODULES: Final = [
    path
    for path in map(
        Path,
        ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
    )
    if path.exists()
]
PIN: Final = "1234abcd"
EDWARDS25519: Final = bytes((0x13, 12)) + b"edwards25519"
"""The curve's name as a DER PrintableString, which names it in CKA_EC_PARAMS."""


def make_token(folder: Path) -> tuple[Pkcs11Config, bytes]:
    """A token "votes" with the Ed25519 keys "validator" and "other" and an RSA key; how to open
    the first one, and its public key. From then on SOFTHSM2_CONF names the folder."""
    (folder / "tokens").mkdir()
    written = folder / "softhsm2.conf"
    written.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(written)
    command = [UTIL or "", "--init-token", "--free", "--label", "votes"]
    subprocess.run(
        [*command, "--so-pin", "12345678", "--pin", PIN],
        check=True,
        timeout=30,
        stdout=subprocess.DEVNULL,
    )
    # Its errors in OpenSSL's queue stay on a thread that ends.
    with ThreadPoolExecutor(1) as thread:
        public_key = thread.submit(_make_keys).result()
    return Pkcs11Config(module=str(MODULES[0]), token="votes", key_label="validator"), public_key


def _make_keys() -> bytes:
    pkcs11: Any = importlib.import_module("pkcs11")
    library = pkcs11.lib(str(MODULES[0]))
    library.reinitialize()
    with library.get_token(token_label="votes").open(rw=True, user_pin=PIN) as session:
        curve = session.create_domain_parameters(
            pkcs11.KeyType.EC_EDWARDS, {pkcs11.Attribute.EC_PARAMS: EDWARDS25519}, local=True
        )
        made = pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN
        keys = [
            curve.generate_keypair(mechanism=made, store=True, label=label, id=number)
            for label, number in (("validator", b"\1"), ("other", b"\2"))
        ]
        session.generate_keypair(pkcs11.KeyType.RSA, 1024, store=True, label="rsa", id=b"\3")
        return bytes(keys[0][0][pkcs11.Attribute.EC_POINT])[2:]


def opened_module(folder: Path) -> ModuleSigner:
    """The key "validator" of a new token."""
    config, public_key = make_token(folder)
    return ModuleSigner(config, PIN, public_key)
