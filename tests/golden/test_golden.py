"""Every golden chain opens, replays to the same roots and goes on with this release.

A failure here means that a chain which is in use somewhere would stop, or fork: change the code,
not the golden chain (docs/compatibility.md).
"""

import shutil
from pathlib import Path
from typing import Any

import pytest

from consensus import message_wire
from consensus.messages import CertifiedBlock
from ledger.block import Block, decode_block
from ledger.errors import ErrorCode
from ledger.mempool import Mempool
from node import audit, cli, config
from node.audit import genesis_of
from node.keys import keystore
from node.keys.keystore import KeyKind
from node.localnet.creation import PASSWORD, VALIDATOR_KEY
from node.modules import build_executor
from node.network import consensus_wire
from node.network.wire import FrameDecoder, FrameKind, Hello, decode_goodbye
from node.replica.execution import Chain
from node.state_files import state_file
from node.store.block_store import NO_MARKER, BlockStore
from node.store.data_folder import read_label
from node.store.storage import open_chain
from node.store.stores import ENGINES, open_store
from node.sync import sync_wire
from node.transactions import gossip
from tests.golden import folder
from tests.golden.__main__ import make
from tests.golden.answers import ask, missing
from tests.golden.script import NEVER
from tests.golden.sending import REGISTRY
from tests.support.town_processes import load, process_town
from tests.support.transfers import CHAIN_ID

NUMBERS = folder.numbers()
RELEASE_OF_TYPES = NUMBERS[-1]
pytestmark = pytest.mark.timeout(180)
EXECUTOR = build_executor()


@pytest.fixture(scope="module", params=NUMBERS)
def golden(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(a copy of the town, what it has to give); nobody changes this copy."""
    number = request.param
    return folder.unpack(number, tmp_path_factory.mktemp("golden")), folder.expected_of(number)


@pytest.fixture
def copy(golden: Any, tmp_path: Path) -> Path:
    """A copy to run nodes in."""
    return shutil.copytree(golden[0], tmp_path / "town")


def _block(raw: bytes) -> Block:
    return decode_block(raw, CHAIN_ID, EXECUTOR.contracts.decode_call)


class _NoVotes:
    def marker(self) -> Any:
        return NO_MARKER

    def cut(self, committed: Any) -> None:
        del committed


def test_there_is_one_and_it_is_small() -> None:
    assert NUMBERS[0] == 1
    assert list(range(1, len(NUMBERS) + 1)) == NUMBERS
    for number in NUMBERS:
        files = list((folder.ROOT / str(number)).iterdir())
        assert {file.name for file in files} == {folder.ARCHIVE, folder.EXPECTED}
        assert sum(file.stat().st_size for file in files) <= folder.MAX_BYTES


def test_a_number_that_is_taken_is_refused() -> None:
    with pytest.raises(SystemExit, match="exists and is never changed"):
        make(1)


def test_the_newest_has_a_transaction_of_every_type_of_message() -> None:
    """A new type makes this fail: let it happen in tests/golden and make the next golden chain.
    How each ended is in expected.json, so that a type which was refused is seen to be."""
    sent = folder.expected_of(RELEASE_OF_TYPES)["messages"]
    assert {each.name for each in REGISTRY.all()} == set(sent)


def test_every_type_of_message_takes_effect_on_one_of_them_or_it_is_known_why_not() -> None:
    ended = [folder.expected_of(number)["messages"].items() for number in NUMBERS]
    done = {name for each in ended for name, code in each if code == ErrorCode.OK.name}
    assert {each.name for each in REGISTRY.all()} - done == set(NEVER)
    assert all(NEVER.values())


def test_every_store_opens_adds_up_and_has_the_same_head(golden: Any, tmp_path: Path) -> None:
    town, expected = golden
    engines = set()
    for home in folder.homes(shutil.copytree(town, tmp_path / "town")):
        engines |= {path.name for path in (home / "data" / "chain").iterdir() if path.is_dir()}
        label = read_label(home / "data")
        assert label is not None
        assert label.software.startswith("poyong/")
        found = audit.audit(home)
        assert found.invariants == audit.OK, found.found
        assert found.height == len(expected["heights"]) - 1
        assert found.block_hash.hex() == expected["heights"][-1]["hash"]
    assert engines == {"leveldb", "rocksdb"}


@pytest.mark.parametrize("engine", ENGINES)
def test_its_blocks_replay_from_genesis_to_the_same_roots(
    golden: Any, engine: str, tmp_path: Path
) -> None:
    town, expected = golden
    document = genesis_of(folder.homes(town)[0])
    store = open_store(tmp_path / "replay", engine)
    blocks = BlockStore(store, "replay")
    opened = open_chain(blocks, document, EXECUTOR)
    chain = Chain(opened, Mempool(0, lambda _: True), lambda _: True, _NoVotes(), lambda _: None)
    heights = expected["heights"]
    assert opened.genesis_hash.hex() == heights[0]["hash"]
    for height, raw in enumerate(folder.read_blocks(town), 1):
        certified = message_wire.decode(raw, _block)
        assert isinstance(certified, CertifiedBlock)
        assert message_wire.encode(certified) == raw
        chain.apply(certified)
        assert {
            "hash": chain.head.hash.hex(),
            "state_root": chain.commitment.root.hex(),
        } == heights[height]
    assert chain.head.height == len(heights) - 1
    rows = dict(state_file.read_rows(town / folder.STATE))
    assert rows == dict(blocks.live_state().iterate(b"", b"\x7f"))
    blocks.close()


def test_its_keys_and_configurations_open(golden: Any) -> None:
    for home in folder.homes(golden[0]):
        found = config.load(home / config.CONFIG_FILE, {})
        assert found.is_validator
        keystore.open_signer(home / VALIDATOR_KEY, PASSWORD, KeyKind.VALIDATOR)


def test_its_proofs_and_its_exported_state_hold(
    golden: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    town, _ = golden
    genesis = str(folder.homes(town)[0] / "genesis.json")
    for name in folder.PROOFS:
        file = str(town / f"{name}.proof.json")
        assert cli.run(["verify", file, "--genesis", genesis]) == 0, capsys.readouterr().err
    state = str(town / folder.STATE)
    assert cli.run(["state", "verify", state, "--genesis", genesis]) == 0, capsys.readouterr().err


def test_its_frames_are_read_and_written_as_they_were(golden: Any) -> None:
    frames = golden[1]["frames"]
    for name, text in frames.items():
        decoder = FrameDecoder()
        if name != "hello":
            list(decoder.feed(bytes.fromhex(frames["hello"])))
        ((kind, payload),) = decoder.feed(bytes.fromhex(text))
        match kind:
            case FrameKind.HELLO:
                assert Hello.decode(payload).encode() == payload
            case FrameKind.TRANSACTIONS:
                assert gossip.encode_batch(gossip.decode_batch(payload)) == payload
            case FrameKind.SYNC:
                assert sync_wire.encode(sync_wire.decode(payload)) == payload
            case FrameKind.GOODBYE:
                assert decode_goodbye(payload) == "the node stops"
            case FrameKind.CONSENSUS:
                assert consensus_wire.decode_payload(payload, _block) is not None
            case _:
                assert payload == b""


def test_one_of_its_nodes_answers_as_it_did(copy: Path, golden: Any) -> None:
    with process_town(copy, observer=False) as town:
        name = town.validators[2]
        town.start(name)
        town.until(lambda: town.height(name) > 0, "an answer")
        for said in golden[1]["answers"]:
            found = ask(town.rpc(name), said["method"], tuple(said["params"]))
            assert missing(said["result"], found) == "", (said["method"], said["params"])


def test_its_validators_go_on_with_the_chain(copy: Path, golden: Any) -> None:
    """All four with their own keys and vote records: the old blocks stay, new ones follow."""
    heights = golden[1]["heights"]
    with process_town(copy, observer=False) as town:
        town.start(*town.validators)
        town.wait_ready(*town.validators)
        with load(town, *town.validators) as sending:
            sending.wait_for_batches(2)
        name = town.validators[0]
        town.wait_until_equal(*town.validators)
        assert town.assert_one_chain(*town.validators) > len(heights)
        found = town.hashes(name, 1, len(heights) - 1)
        assert found == [f"0x{each['hash']}" for each in heights[1:]]
        assert set(town.stop(*town.validators).values()) == {0}
        assert all(town.audit(name).invariants == audit.OK for name in town.validators)
        assert "votes.lost" not in town.nodes[name].log.read_text()
