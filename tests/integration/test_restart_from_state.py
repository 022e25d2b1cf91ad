"""Organisations lose their quorum for good, and those that remain go on from an exported state.

Real nodes on loopback and real disks, and the commands as docs/operating.md gives them.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from api.ports import Refusal, RefusalReason
from governance.deciding import ADD_OBSERVER, ADD_VALIDATOR
from ledger import accounts
from ledger.crypto import Ed25519Signer, checksum_address, ed25519_address
from ledger.errors import LocalError
from ledger.local_accounts import ed25519_accounts
from ledger.set_changes import PROBE
from ledger.state import State
from ledger.transaction import Draft, sign
from node import config
from node.audit import OK, audit
from node.keys import keystore
from node.keys.keystore import LOCAL_COST, KeyKind
from node.localnet.creation import CHAIN_ID, PASSWORD
from tests.support.running_nodes import RunningNodes, running_nodes
from tests.support.shell import Shell
from tests.support.town import base_port

NEW_CHAIN_ID: Final = CHAIN_ID + 1
AUTHORITY: Final = ed25519_accounts()[7]
NEWCOMER: Final = "newcomer"


class ShellBesideNodes(Shell):
    """What nodes of this process logged before a command is not what the command prints."""

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        return super().__call__(*arguments)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv(keystore.PASSWORD_VARIABLE, PASSWORD)
    return ShellBesideNodes(capsys)


def make_newcomer(nodes: RunningNodes, instead_of: str, peer: str) -> dict[str, str]:
    """A home with keys and configuration, on the ports of a node that is gone; its entry."""
    home = nodes.folder / NEWCOMER
    (home / "keys").mkdir(parents=True, mode=0o700)
    made = {
        kind: keystore.create_key(
            home / f"keys/{kind}.json", kind, PASSWORD, label=NEWCOMER, cost=LOCAL_COST
        )
        for kind in (KeyKind.VALIDATOR, KeyKind.NODE)
    }
    shutil.copy(nodes.folder / peer / "keys/password", home / "keys/password")
    ports, other = nodes.settings(instead_of), nodes.settings(peer)
    key = keystore.read_key_info(other.path(other.node.node_key)).public_key
    options = replace(
        ports,
        node=replace(
            ports.node,
            name=NEWCOMER,
            validator_key="keys/validator.json",
            node_key="keys/node.json",
        ),
        network=replace(ports.network, peers=(f"{key.hex()}@127.0.0.1:{other.network.port}",)),
    )
    (home / config.CONFIG_FILE).write_text(config.render(options), encoding="utf-8")
    return {
        "organisation": NEWCOMER,
        "public_key": made[KeyKind.VALIDATOR].public_key.hex(),
        "node_key": made[KeyKind.NODE].public_key.hex(),
    }


def install(nodes: RunningNodes, document: Path, state: Path, *names: str) -> None:
    """What docs/operating.md tells every remaining organisation to do."""
    for name in names:
        home = nodes.folder / name
        if (home / "data").exists():
            (home / "data").rename(home / "data-old")
        shutil.copy(document, home / "genesis.json")
        shutil.copy(state, home / "genesis.state")


def sums(nodes: RunningNodes, name: str) -> tuple[int, int, int]:
    """(sum of all balances, supply, number of accounts) at the head of a running node."""
    state: State = nodes.nodes[name].runtime.state
    balances = [account.balance for _, account in state.iterate(accounts.ACCOUNTS)]
    return sum(balances), accounts.supply(state), len(balances)


async def send(
    nodes: RunningNodes, through: str, signer: Any, type_name: str, body: tuple[Any, ...]
) -> None:
    """One transaction of an account, which takes effect."""
    service = nodes.nodes[through].service
    sender = ed25519_address(signer.public_key)
    draft = Draft(
        chain_id=nodes.chain_id,
        nonce=service.account(sender).nonce,
        type=type_name,
        body=body,
        valid_until=service.height() + 50,
    )
    (outcome,) = await service.submit([sign(draft, signer).raw])
    assert isinstance(outcome, bytes), outcome
    receipt = await service.wait_for_receipt(outcome, 20_000)
    assert receipt is not None
    assert receipt.receipt.code == 0, receipt.receipt.reason


async def old_chain(nodes: RunningNodes, blocks: int) -> None:
    """Everybody runs, and everybody has the same head at the end."""
    await nodes.start(*nodes.validators, nodes.observer)
    for name in nodes.validators:
        await nodes.connected(name, nodes.validators)
    final = await nodes.finalise(nodes.validators[0], blocks)
    await nodes.at_height(final.height, *nodes.validators, nodes.observer)


def exported(shell: Shell, nodes: RunningNodes, names: Sequence[str]) -> list[Path]:
    """The export of each of these nodes."""
    files = [nodes.folder / f"{name}.state" for name in names]
    for name, file in zip(names, files, strict=True):
        shell.json("state", "export", "--home", str(nodes.folder / name), "--out", str(file))
    return files


async def join(nodes: RunningNodes, through: str, entry: dict[str, str], home: Path) -> None:
    """A new second validator joins as on any chain: observer, probes, decision."""
    node_key, public_key = (bytes.fromhex(entry[name]) for name in ("node_key", "public_key"))
    await send(
        nodes, through, AUTHORITY.signer, ADD_OBSERVER.name, ADD_OBSERVER.encode(node_key, NEWCOMER)
    )
    await nodes.start(NEWCOMER)
    await nodes.connected(NEWCOMER, [through])
    signer = keystore.open_signer(home / "keys/validator.json", PASSWORD, KeyKind.VALIDATOR)
    assert isinstance(signer, Ed25519Signer)
    for _ in range(3):
        header = nodes.nodes[through].runtime.chain.head
        probe = PROBE.encode(public_key, header.height, header.state_root)
        await send(nodes, through, signer, PROBE.name, probe)
    add = ADD_VALIDATOR.encode(NEWCOMER, public_key, node_key)
    await send(nodes, through, AUTHORITY.signer, ADD_VALIDATOR.name, add)


async def test_one_of_two_is_lost_and_the_other_goes_on(tmp_path: Path, shell: Shell) -> None:
    """Rule 10's remedy for n=2: export, a genesis with one validator, then a new second one."""
    async with running_nodes(tmp_path, base_port() + 1300, validators=2) as nodes:
        stays, lost = nodes.validators
        await old_chain(nodes, 5)
        before, balance = sums(nodes, stays), nodes.balance(stays)
        await nodes.stop(lost)
        # Without it no block comes: this transfer waits for ever.
        waiting = nodes.transfer()
        assert await nodes.nodes[stays].service.submit([waiting.raw]) == [waiting.hash]
        nodes._nonce -= 1
        home, state = tmp_path / stays, tmp_path / "exported.state"
        command = ("state", "export", "--home", str(home), "--out", str(state))
        assert "another process uses the database" in shell.refusal(*command)
        old_height = nodes.height(stays)
        await nodes.stop(stays, nodes.observer)
        old_document = home / "genesis.json"

        # Export, and what it proves.
        found = shell.json(*command)
        assert found["height"] == old_height
        (of_observer,) = exported(shell, nodes, [nodes.observer])
        assert of_observer.read_bytes() == state.read_bytes()
        verified = shell.json("state", "verify", str(state), "--genesis", str(old_document))
        assert (verified["final"], verified["file_hash"]) == (True, found["file_hash"])
        assert "exists and is not replaced" in shell.refusal(*command)
        assert audit(home).invariants == OK, "the chain was only read"

        # A genesis with one validator, and who decides named anew: the old one needed both.
        document = tmp_path / "new.json"
        made = shell.json(
            "genesis", "from-state", str(document), "--state", str(state),
            "--chain-id", str(NEW_CHAIN_ID), "--without", "GIST",
            "--authority", checksum_address(AUTHORITY.address),
        )  # fmt: skip
        assert made["validators"] == ["City hall 시청"]
        install(nodes, document, state, stays, nodes.observer)
        checked = shell.json("genesis", "check", str(home / "genesis.json"))
        assert checked["genesis_hash"] == made["genesis_hash"]
        assert checked["supply"] == str(before[1])
        assert shell("doctor", "--home", str(home))[0] == 0

        # It goes on alone: balances, nonces and supply are those of the old chain.
        nodes.chain_id = NEW_CHAIN_ID
        await nodes.start(stays, nodes.observer)
        assert nodes.height(stays) == 0
        assert nodes.balance(stays) == balance
        assert sums(nodes, stays) == before
        (refused,) = await nodes.nodes[stays].service.submit([waiting.raw])
        assert isinstance(refused, Refusal)
        assert refused.reason is RefusalReason.WRONG_CHAIN
        final = await nodes.finalise(stays, 3)
        await nodes.at_height(final.height, nodes.observer)
        assert nodes.balance(nodes.observer) == balance + 3
        assert sums(nodes, nodes.observer) == before

        # A new second validator; from then on no block comes without it.
        entry = make_newcomer(nodes, instead_of=lost, peer=stays)
        install(nodes, document, state, NEWCOMER)
        await join(nodes, stays, entry, tmp_path / NEWCOMER)
        final = await nodes.finalise(stays, 4)
        await nodes.at_height(final.height, NEWCOMER)
        sealed = nodes.nodes[stays].service.certificate(final.height)
        assert sealed is not None
        assert len(sealed.seals) == 2
        total, supply, _ = sums(nodes, NEWCOMER)
        assert total == supply == before[1]

        # The new chain can be exported as well; its proof starts at the new document.
        await nodes.stop(stays, NEWCOMER, nodes.observer)
        assert {audit(tmp_path / name).invariants for name in (stays, NEWCOMER)} == {OK}
        first, second = exported(shell, nodes, [stays, NEWCOMER])
        assert first.read_bytes() == second.read_bytes()
        (home / "genesis.state").unlink()  # no longer needed, by the node or by who verifies
        verified = shell.json("state", "verify", str(first), "--genesis", str(old_document))
        assert (verified["final"], verified["chain_id"]) == (True, NEW_CHAIN_ID)
        assert shell("doctor", "--home", str(home))[0] == 0
        await nodes.start(stays)


async def test_two_of_four_are_lost_and_a_new_one_comes_with_the_genesis(
    tmp_path: Path, shell: Shell
) -> None:
    """Four honest nodes export the same bytes; a set whose quorum is gone goes on as three."""
    async with running_nodes(tmp_path, base_port() + 1400) as nodes:
        one, two, *lost = nodes.validators
        await old_chain(nodes, 6)
        before = sums(nodes, one)
        await nodes.stop(*nodes.validators, nodes.observer)
        files = exported(shell, nodes, [*nodes.validators, nodes.observer])
        assert len({file.read_bytes() for file in files}) == 1
        genesis_file = str(tmp_path / one / "genesis.json")
        for file in files:  # their certificates may differ, each proves the same block
            assert shell.json("state", "verify", str(file), "--genesis", genesis_file)["final"]

        entry, entry_file = make_newcomer(nodes, lost[0], one), tmp_path / "entry.json"
        entry_file.write_text(json.dumps(entry), encoding="utf-8")
        document = tmp_path / "new.json"
        made = shell.json(
            "genesis", "from-state", str(document), "--state", str(files[0]),
            "--chain-id", str(NEW_CHAIN_ID), "--add", str(entry_file),
            "--without", "Land corporation 토지공사", "--without", "Builder 건설사",
        )  # fmt: skip
        assert made["validators"] == ["City hall 시청", "GIST", NEWCOMER]
        started = [one, two, NEWCOMER]
        install(nodes, document, files[1], *started)
        nodes.chain_id = NEW_CHAIN_ID
        await nodes.start(*started)
        await nodes.connected(one, [two, NEWCOMER])
        final = await nodes.finalise(two, 4)
        await nodes.at_height(final.height, *started)
        assert {sums(nodes, name) for name in started} == {before}


async def test_a_node_says_what_it_lacks_before_the_first_start(
    tmp_path: Path, shell: Shell
) -> None:
    """No file, another file, a damaged one: nothing is written, and each sentence has a remedy."""
    async with running_nodes(tmp_path, base_port() + 1500, validators=1) as nodes:
        (name,) = nodes.validators
        home, state = tmp_path / name, tmp_path / "exported.state"
        await nodes.start(name)
        await nodes.finalise(name, 2)
        await nodes.stop(name)
        shell.json("state", "export", "--home", str(home), "--out", str(state))
        document = tmp_path / "new.json"
        shell.json(
            "genesis", "from-state", str(document), "--state", str(state),
            "--chain-id", str(NEW_CHAIN_ID),
        )  # fmt: skip
        install(nodes, document, state, name)
        beside = home / "genesis.state"
        intact = beside.read_bytes()
        for content, expected in (
            (None, "put the exported state"),
            (intact[:-1], "the genesis document names"),
            (intact.replace(b"\xc4", b"\xc5", 1), "the genesis document names"),
        ):
            beside.unlink(missing_ok=True)
            if content is not None:
                beside.write_bytes(content)
            assert expected in shell("doctor", "--home", str(home))[1]
            with pytest.raises(LocalError, match=expected):
                await nodes.start(name)
        beside.write_bytes(intact)
        nodes.chain_id = NEW_CHAIN_ID
        await nodes.start(name)
        await nodes.finalise(name, 2)
