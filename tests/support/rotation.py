"""New keys of a validator in a town of running nodes, and what its chain says of its votes."""

from dataclasses import dataclass, replace
from pathlib import Path

from api.ports import NodePort
from node import config
from node.keys import keystore
from node.keys.keystore import LOCAL_COST, KeyKind
from node.localnet.creation import PASSWORD

NEXT_VALIDATOR: Path = Path("keys/validator-2.json")
NEXT_NODE: Path = Path("keys/node-2.json")


@dataclass(frozen=True, slots=True)
class NextKeys:
    """Public keys of what was made."""

    validator: bytes
    node: bytes


def make_next_keys(home: Path, *, node_key: bool = True) -> NextKeys:
    """Key files beside the present ones, named in the node's configuration."""
    made = {
        kind: keystore.create_key(home / path, kind, PASSWORD, cost=LOCAL_COST).public_key
        for kind, path in ((KeyKind.VALIDATOR, NEXT_VALIDATOR), (KeyKind.NODE, NEXT_NODE))
    }
    settings = config.load(home / config.CONFIG_FILE, {})
    named = replace(
        settings.node,
        next_validator_key=str(NEXT_VALIDATOR),
        next_node_key=str(NEXT_NODE) if node_key else "",
    )
    write_config(home, replace(settings, node=named))
    present = keystore.read_key_info(home / settings.node.node_key).public_key
    return NextKeys(made[KeyKind.VALIDATOR], made[KeyKind.NODE] if node_key else present)


def end_rotation(home: Path) -> None:
    """The next keys are the present ones from now on; the old ones are no longer named."""
    settings = config.load(home / config.CONFIG_FILE, {})
    node = settings.node
    named = replace(
        node,
        validator_key=node.next_validator_key,
        node_key=node.next_node_key or node.node_key,
        next_validator_key="",
        next_node_key="",
    )
    write_config(home, replace(settings, node=named))


def write_config(home: Path, settings: config.Config) -> None:
    """Write the configuration again."""
    (home / config.CONFIG_FILE).write_text(config.render(settings))


def all_have_signed(node: NodePort) -> bool:
    """Whether the chain has seen a seal of each validator: then it counts all of them as alive."""
    members = node.validators(None)
    return members is not None and all(one.last_signed_height for one in members.members)


def sealed(node: NodePort, organisation: str, first: int, last: int) -> set[int]:
    """Heights of first..last of which a block up to `last` + 1 holds a seal of the organisation,
    in its parent's certificate or as a late seal."""
    found = set[int]()
    for height in range(first + 1, node.height() + 1):
        block = node.block(height)
        assert block is not None
        participation = block.block.participation
        seals = [(seal.height, seal.validator) for seal in participation.late_seals]
        certificate = participation.certificate
        if certificate is not None:
            seals += [(certificate.height, index) for index, _ in certificate.seals]
        for of, index in seals:
            members = node.validators(of)
            assert members is not None
            if members.members[index].organisation == organisation:
                found.add(of)
    return {height for height in found if first <= height <= last}


def late_views(node: NodePort, first: int, last: int) -> list[int]:
    """Heights that became final in a view above 0: the proposer of an earlier one failed."""
    views = {height: node.certificate(height) for height in range(first, last + 1)}
    return [height for height, found in views.items() if found is not None and found.view > 0]
