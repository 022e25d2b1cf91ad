"""From a finished ceremony into the home of a node: the document, and whom it connects to."""

import re
from pathlib import Path
from typing import Final

from ledger.errors import LocalError
from node import config
from node.ceremony.folder import Ceremony
from node.config import Config
from node.disk_errors import os_error
from node.options import toml_value

_NO_PEERS: Final = re.compile(r"^peers = \[\]$", re.MULTILINE)


def peers_beside(ceremony: Ceremony, node_key: bytes) -> tuple[str, ...]:
    """Every member's node but this one as network.peers names it, in the order of the seats."""
    contributions = ceremony.contributions()
    return tuple(
        f"{each.node_key.hex()}@{each.wish.address}"
        for each in (contributions[name] for name in ceremony.terms.members)
        if each.node_key != node_key
    )


def configuration_with_peers(settings: Config, peers: tuple[str, ...]) -> str | None:
    """The text of config.toml with these peers; None when it names peers already.

    Only that line changes, so that comments and all else stay as their owner wrote them.
    """
    file = settings.home / config.CONFIG_FILE
    if settings.network.peers:
        return None
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise os_error("read", file, error) from error
    changed, count = _NO_PEERS.subn(lambda _: f"peers = {toml_value(peers)}", text)
    if count != 1 or config.parse(changed, file).network.peers != peers:
        raise LocalError(
            f"{file}: expected one line `peers = []` under [network]: write "
            f"peers = {toml_value(peers)} there by hand"
        )
    return changed


def write_configuration(file: Path, text: str) -> None:
    """Replace config.toml whole."""
    temporary = file.with_name(f"{file.name}.new")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(file.stat().st_mode & 0o777)
        temporary.replace(file)
    except OSError as error:
        raise os_error("write", file, error) from error
