"""Makes a local town: keys that open at once, one genesis, one configuration for each node.

The authority of its genesis is an account of the validators' organisations, of which a majority
has to sign; every home has its descriptor, and each organisation's home the key that signs for it.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ledger.crypto import checksum_address
from ledger.errors import LocalError
from ledger.genesis import Genesis, Parameters
from ledger.local_accounts import (
    appraiser_accounts,
    ed25519_accounts,
    official_accounts,
    secp256k1_accounts,
)
from ledger.primitives import UNIT
from ledger.registry import Validator, ValidatorSet
from node import config, wall_clock
from node.files.disk_errors import os_error
from node.keys import keystore
from node.keys.keystore import LOCAL_COST, KeyKind
from node.keys.threshold_account import ThresholdAccount, new_account
from node.localnet import charter, layout, officials, ports
from node.localnet.charter import Calendar, Founder
from node.localnet.held import require_none_runs
from node.localnet.layout import Town, TownNode
from node.scenarios import catalogue
from node.scenarios.sections import genesis_sections, usual_quarter_ms

CHAIN_ID: Final = 82062
NAME: Final = "Poyong local town 포용타운"
PASSWORD: Final = "local town"
"""Of every key file here; a secret would protect nothing, for the accounts' keys are public."""
BALANCE: Final = 10_000 * UNIT
"""Of each development account in genesis: little beside what the land value issues."""
DEFAULT_SCENARIO: Final = "gwangju"

_FOLDER_MODE: Final = 0o700
_SECRET_MODE: Final = 0o600
_PASSWORD_FILE: Final = "keys/password"
VALIDATOR_KEY: Final = "keys/validator.json"
_NODE_KEY: Final = "keys/node.json"
ACCOUNT_KEY: Final = "keys/account.json"
"""With which the organisation of a validator signs for the authority; in each home."""
SECOND_KEYS: Final = ("director", "legal counsel")
"""Whose keys beside ACCOUNT_KEY, the president's, act for an organisation of a governed town."""
SIGNATURES: Final = 2
ACCOUNT_FILE: Final = "organisation.json"
"""Descriptor of the organisation's account; in each home of a governed town."""
AUTHORITY_FILE: Final = "authority.json"
"""Descriptor of the authority; in each home."""
GENESIS_FILE: Final = "genesis.json"


@dataclass(frozen=True, slots=True)
class Wish:
    """What `poyong town up` was asked for; None is "as it is", or the default for a new town."""

    validators: int | None = None
    scenario: str | None = None
    idle: bool = False
    fresh: bool = False
    base_port: int | None = None
    quarter_ms: int | None = None
    calendar: Calendar | None = None
    """With one the stakeholders decide from the first block on, and there is no authority."""


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """Public halves; an observer has neither a validator key nor an organisation's account."""

    validator: bytes | None
    node: bytes
    account: bytes | None


def prepare(folder: Path, wish: Wish, say: Callable[[str], None] = lambda _: None) -> Town:
    """The town in `folder`, made or gone on with; its ports are free. The folder is locked.

    say: told in a sentence what is done next. LocalError, before anything is changed, when nodes
    of the town run already or when the wish contradicts what is there.
    """
    require_none_runs(folder)
    if wish.fresh:
        layout.wipe(folder)
    town = layout.load(folder)
    if town is not None and not town.ready:
        layout.wipe(folder)  # an earlier creation was interrupted: nothing of it ever ran
        town = None
    if town is None:
        return _create(folder, wish, say)
    say(f"Going on with the town in {folder}: {len(town.nodes)} nodes")
    _check_same(folder, town, wish)
    if wish.base_port is not None or layout.busy_ports(town):
        town = layout.with_other_ports(town, wish.base_port)
        _write_configurations(folder, town, {n.name: read_keys(folder, n) for n in town.nodes})
        layout.save(folder, town)
    return town


def _check_same(folder: Path, town: Town, wish: Wish) -> None:
    count = len(town.validators)
    if wish.validators not in (None, count):
        raise LocalError(
            f"the town in {folder} has {count} validators, {wish.validators} were asked for: "
            "leave --validators out to go on with it, or start anew with --fresh"
        )
    if wish.scenario not in (None, town.scenario) and not wish.idle:
        there = f"plays {town.scenario}" if town.scenario else "was made idle, without a scenario"
        raise LocalError(
            f"the town in {folder} {there}: leave --scenario out to go on with it, or start anew "
            "with --fresh"
        )


def _create(folder: Path, wish: Wish, say: Callable[[str], None]) -> Town:
    scenario = "" if wish.idle else wish.scenario or DEFAULT_SCENARIO
    town = layout.plan(
        layout.DEFAULT_VALIDATORS if wish.validators is None else wish.validators,
        scenario,
        wish.base_port,
        governed=wish.calendar is not None,
    )
    say(f"Making a new town in {folder}: keys of {len(town.nodes)} nodes")
    layout.save(folder, town)
    keys = {node.name: create_keys(folder, node) for node in town.nodes}
    say("Writing the genesis and the configuration of each node")
    # The economy's first quarter starts with the chain: genesis time is now.
    now_ms = wall_clock.now_ms()
    if wish.calendar is None:
        genesis = genesis_of(town, keys, now_ms, wish.quarter_ms)
    else:
        accounts = {node.name: create_account(folder, node) for node in town.validators}
        genesis = governed_genesis(town, keys, accounts, now_ms, wish.quarter_ms, wish.calendar)
    document = json.dumps(genesis.document(), ensure_ascii=False, indent=2) + "\n"
    for node in town.nodes:
        _write(folder / node.name / GENESIS_FILE, document)
        if not town.governed:
            _write(folder / node.name / AUTHORITY_FILE, authority_of(town, keys).text())
    _write_configurations(folder, town, keys)
    town = layout.with_ready(town)
    layout.save(folder, town)
    return town


def create_keys(folder: Path, node: TownNode) -> NodeKeys:
    """The folder of a new node, and its keys."""
    home = folder / node.name
    try:
        home.mkdir(mode=_FOLDER_MODE)
        (home / "keys").mkdir(mode=_FOLDER_MODE)
    except OSError as error:
        raise os_error("create", home, error) from error
    _write(home / _PASSWORD_FILE, PASSWORD + "\n")
    wanted = {KeyKind.NODE: _NODE_KEY}
    if node.is_validator:
        wanted |= {KeyKind.VALIDATOR: VALIDATOR_KEY, KeyKind.ACCOUNT: ACCOUNT_KEY}
    made = {
        kind: keystore.create_key(
            home / file, kind, PASSWORD, label=node.organisation, cost=LOCAL_COST
        ).public_key
        for kind, file in wanted.items()
    }
    return NodeKeys(made.get(KeyKind.VALIDATOR), made[KeyKind.NODE], made.get(KeyKind.ACCOUNT))


def read_keys(folder: Path, node: TownNode) -> NodeKeys:
    """Public keys of a node that exists."""

    def public_key(file: str) -> bytes:
        return keystore.read_key_info(folder / node.name / file).public_key

    if not node.is_validator:
        return NodeKeys(None, public_key(_NODE_KEY), None)
    return NodeKeys(public_key(VALIDATOR_KEY), public_key(_NODE_KEY), public_key(ACCOUNT_KEY))


def authority_of(town: Town, keys: Mapping[str, NodeKeys]) -> ThresholdAccount:
    """The account that decides on validators and observers: a majority of the organisations."""
    members = {
        account_key: node.organisation
        for node in town.validators
        if (account_key := keys[node.name].account) is not None
    }
    return new_account(len(members) // 2 + 1, members)


def second_key(home: Path, name: str) -> Path:
    """The key file of one of SECOND_KEYS."""
    return home / "keys" / f"{name.replace(' ', '-')}.json"


def create_account(folder: Path, node: TownNode) -> ThresholdAccount:
    """An organisation's own account: of three people two have to sign. Keys and descriptor are in
    the home of its node."""
    home = folder / node.name
    members = {keystore.read_key_info(home / ACCOUNT_KEY).public_key: "president"}
    for name in SECOND_KEYS:
        file = second_key(home, name)
        made = keystore.create_key(file, KeyKind.ACCOUNT, PASSWORD, label=name, cost=LOCAL_COST)
        members[made.public_key] = name
    account = new_account(SIGNATURES, members)
    _write(home / ACCOUNT_FILE, account.text())
    return account


def governed_genesis(
    town: Town,
    keys: Mapping[str, NodeKeys],
    accounts: Mapping[str, ThresholdAccount],
    time_ms: int,
    quarter_ms: int | None,
    calendar: Calendar,
) -> Genesis:
    """The genesis of a town whose stakeholders decide: nobody is registered as a person yet."""
    plain = genesis_of(town, keys, time_ms, quarter_ms)
    founders = {
        node.name: Founder(accounts[node.name].witness.address, validator_key, keys[node.name].node)
        for node in town.validators
        if (validator_key := keys[node.name].validator) is not None
    }
    return replace(
        plain,
        observers={**plain.observers, charter.auditor().node_key: charter.AUDITOR},
        parameters=Parameters(min_block_interval_ms=calendar.block_ms),
        sections=charter.governed(plain.sections, founders, calendar, BALANCE),
    )


def genesis_of(
    town: Town,
    keys: Mapping[str, NodeKeys],
    time_ms: int,
    quarter_ms: int | None = None,
) -> Genesis:
    """The genesis of a town: its validators, its observer, and what it plays."""
    seats = tuple(
        Validator(node.organisation, validator_key, keys[node.name].node)
        for node in town.validators
        if (validator_key := keys[node.name].validator) is not None
    )
    return Genesis(
        chain_id=CHAIN_ID,
        name=NAME,
        time_ms=time_ms,
        validators=ValidatorSet(seats),
        observers={keys[town.observer.name].node: town.observer.organisation},
        sections=sections(town.scenario, authority_of(town, keys).address, quarter_ms),
        local=True,
    )


def sections(scenario: str, authority: str, quarter_ms: int | None = None) -> dict[str, Any]:
    """Module sections: development accounts with tokens, who decides and officiates, the economy.

    Without a scenario the land's quarters last real ones, so that nothing falls due by itself.
    """
    played = catalogue.scenario(scenario or DEFAULT_SCENARIO)
    return {
        "accounts": {
            "accounts": [
                {"address": checksum_address(account.address), "balance": str(BALANCE)}
                for account in secp256k1_accounts() + ed25519_accounts() + official_accounts()
            ]
        },
        "governance": {"authority": authority, **officials.genesis_section()},
        **genesis_sections(
            played,
            [account.address for account in appraiser_accounts()],
            quarter_ms=quarter_ms or usual_quarter_ms(played),
            is_idle=not scenario,
        ),
        "distribution": {"parameters": {}},
    }


def _write_configurations(folder: Path, town: Town, keys: Mapping[str, NodeKeys]) -> None:
    for node in town.nodes:
        write_configuration(folder, town, node, keys)


def write_configuration(
    folder: Path, town: Town, node: TownNode, keys: Mapping[str, NodeKeys]
) -> None:
    """The configuration of one node."""
    text = config.render(configuration(town, node, keys))
    _write(folder / node.name / config.CONFIG_FILE, text)


def configuration(town: Town, node: TownNode, keys: Mapping[str, NodeKeys]) -> config.Config:
    """Everything on loopback, everybody connected with everybody."""
    return config.Config(
        node=config.NodeConfig(
            name=node.name,
            genesis=GENESIS_FILE,
            validator_key=VALIDATOR_KEY if node.is_validator else "",
            node_key=_NODE_KEY,
            password_file=_PASSWORD_FILE,
        ),
        network=config.NetworkConfig(
            host=ports.LOOPBACK,
            port=node.p2p_port,
            peers=tuple(
                f"{keys[other.name].node.hex()}@{ports.LOOPBACK}:{other.p2p_port}"
                for other in town.nodes
                if other.name != node.name
            ),
        ),
        rpc=config.RpcConfig(host=ports.LOOPBACK, port=node.rpc_port),
        metrics=config.MetricsConfig(host=ports.LOOPBACK, port=node.metrics_port),
    )


def _write(path: Path, text: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _SECRET_MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise os_error("write", path, error) from error
