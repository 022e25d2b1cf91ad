"""One more organisation on a local town that runs: its node's folder, keys and configuration.

The nodes that run already have it in no address book; it dials them, and they let it in once the
chain admits its node key.
"""

import shutil
from pathlib import Path

from node.files.disk_errors import os_error
from node.localnet import creation, layout
from node.localnet.creation import NodeKeys
from node.localnet.layout import Town, TownNode


def prepare_validator(folder: Path, town: Town, name: str) -> tuple[Town, TownNode, NodeKeys]:
    """Make the home of a further organisation of a governed town; the town with it, its node and
    its public keys. Its node is not started."""
    grown, node = layout.with_validator(town, name)
    own = creation.create_keys(folder, node)
    creation.create_account(folder, node)
    source = folder / town.observer.name / creation.GENESIS_FILE
    try:
        shutil.copyfile(source, folder / name / creation.GENESIS_FILE)
    except OSError as error:
        raise os_error("copy", source, error) from error
    keys = {each.name: creation.read_keys(folder, each) for each in town.nodes} | {name: own}
    creation.write_configuration(folder, grown, node, keys)
    layout.save(folder, grown)
    return grown, node, own
