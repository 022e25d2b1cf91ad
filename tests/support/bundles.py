"""The secrets of a town, and the search of a bundle for them."""

import base64
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

from node.keys.keystore import KeyKind, open_seed
from node.localnet.creation import PASSWORD
from node.localnet.layout import load


def contents(bundle: Path) -> dict[str, bytes]:
    """What is in a bundle, by the name of its part."""
    found = {}
    with tarfile.open(bundle, "r:gz") as archive:
        for entry in archive.getmembers():
            file = archive.extractfile(entry)
            assert file is not None
            found[entry.name.removeprefix("poyong/")] = file.read()
    return found


def secrets_of(town: Path) -> dict[str, bytes]:
    """Every seed, opened and as it is encrypted, each password, each hash of an API key."""
    assert load(town) is not None
    found = {"password": PASSWORD.encode()}
    for file in sorted(town.glob("**/keys/*")):
        name = str(file.relative_to(town))
        if file.suffix != ".json":
            found[name] = file.read_bytes().strip()
            continue
        document = json.loads(file.read_text())
        if "public_key" not in document:
            found[name] = str(document["keys"][0]["hash"]).encode()
            continue
        found[f"{name} seed"] = open_seed(file, PASSWORD, KeyKind(document["kind"]))
        found[f"{name} encrypted"] = bytes.fromhex(document["cipher"]["ciphertext"])
    return found


def leaked(parts: Mapping[str, bytes], secrets: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Where a secret stands: part and name of the secret, in any of the forms that it may have."""
    return [
        (part, name)
        for part, content in parts.items()
        for name, secret in secrets.items()
        if any(form in content for form in _forms(secret))
    ]


def _forms(secret: bytes) -> tuple[bytes, ...]:
    return (
        secret,
        secret.hex().encode(),
        secret.hex().upper().encode(),
        base64.b64encode(secret).rstrip(b"="),
        base64.urlsafe_b64encode(secret).rstrip(b"="),
    )
