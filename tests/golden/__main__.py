"""Makes a golden chain of this release: `python -m tests.golden N`, with N the next free number.

A number that is taken is refused: a golden chain stays as the release left it, for ever.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from consensus import message_wire
from consensus.messages import CertifiedBlock
from ledger.block import decode_block
from ledger.primitives import Hash
from node import audit, cli
from node.localnet.creation import Wish, prepare
from node.network import consensus_wire
from node.network.wire import FrameKind, Hello, encode_frame, encode_goodbye
from node.store.storage import certified_block_bytes
from node.sync import sync_wire
from node.sync.sync_wire import BlockAsk, HeadAsk, RangeAnswer, RangeAsk
from node.transactions import gossip
from node.version import VERSION
from tests.golden import folder
from tests.golden.answers import ask_all
from tests.golden.script import Script, codes_of, land_sections
from tests.golden.sending import CONTRACTS
from tests.support.sealed_chain import SealedChain
from tests.support.town_processes import ProcessTown, load, process_town
from tests.support.transfers import CHAIN_ID
from tests.support.upgrade_town import govern

ENGINES: Final = ("leveldb", "leveldb", "rocksdb", "rocksdb")
"""Of the four validators, by seat."""
HEARTBEAT_MS: Final = 2_000
LIVE_BATCHES: Final = 2
STATEMENTS: Final = {
    "balance": ("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",),
    "supply": (),
    "land_index": ("1",),
    "proposal": ("3",),
}


def make(number: int) -> Path:
    """The folder of the new golden chain; SystemExit when the number is taken."""
    if number in folder.numbers():
        raise SystemExit(f"golden chain {number} exists and is never changed: take the next number")
    with tempfile.TemporaryDirectory() as scratch:
        town = Path(scratch) / "town"
        town.mkdir()
        names = [node.name for node in prepare(town, Wish(validators=4, idle=True)).validators]
        homes = [town / name for name in names]
        _write_genesis(homes)
        with SealedChain(*homes) as chain:
            script = Script(chain)
            script.play()
        with process_town(town, observer=False) as live:
            answers = _finish_live(live, names, script)
        blocks = _export(town, homes[0])
        expected: dict[str, Any] = {
            "release": VERSION,
            "chain_id": CHAIN_ID,
            "heights": [
                {"hash": block.hash.hex(), "state_root": block.header.state_root.hex()}
                for block in blocks
            ],
            "messages": codes_of(script),
            "answers": answers,
            "frames": _frames(blocks, list(folder.read_blocks(town))),
        }
        return folder.pack(town, number, expected)


def _write_genesis(homes: Sequence[Path]) -> None:
    govern(homes, HEARTBEAT_MS)
    for home, engine in zip(homes, ENGINES, strict=True):
        path = home / "genesis.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        document["modules"] |= land_sections()
        path.write_text(json.dumps(document), encoding="utf-8")
        path = home / "config.toml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('engine = "auto"', f'engine = "{engine}"'), encoding="utf-8")


def _finish_live(live: ProcessTown, names: list[str], script: Script) -> list[Any]:
    """Blocks of real nodes, so that the vote records hold votes; then what one of them answers."""
    live.start(*names)
    live.wait_ready(*names)
    with load(live, *names) as sending:
        sending.wait_for_batches(LIVE_BATCHES)
    assert set(live.stop(*names).values()) == {0}
    live.start(names[0])
    live.until(lambda: live.height(names[0]) > 0, "an answer")
    url = live.rpc(names[0])
    for name, what in STATEMENTS.items():
        out = str(live.folder / f"{name}.proof.json")
        assert cli.run(["prove", name, *what, "--out", out, "--rpc", url]) == 0
    answers = ask_all(url, script.chain.height, script.hashes)
    live.stop(names[0])
    for name in names:
        live.nodes[name].log.unlink(missing_ok=True)
    return answers


def _export(town: Path, home: Path) -> list[Any]:
    """Write the certified blocks and the state of one node; its blocks from height 0 on."""
    found = []
    with audit.opened(home) as (_, store), (town / folder.BLOCKS).open("wb") as file:
        head = store.head()
        assert head is not None
        for height in range(head.height + 1):
            raw = store.block_bytes(height) or b""
            found.append(decode_block(raw, CHAIN_ID, CONTRACTS.decode_call))
            certified = certified_block_bytes(store, height)
            if certified is not None:
                file.write(len(certified).to_bytes(4, "big") + certified)
    out = str(town / folder.STATE)
    assert cli.run(["state", "export", "--home", str(home), "--out", out]) == 0
    return found


def _frames(blocks: list[Any], certified: list[bytes]) -> dict[str, str]:
    """Frames of this release as they go over the wire, by name."""
    genesis, last = Hash(blocks[0].hash), blocks[-1]
    raws = [each.raw for block in blocks for each in block.transactions][:5]
    committed = message_wire.decode(
        certified[-1], lambda raw: decode_block(raw, CHAIN_ID, CONTRACTS.decode_call)
    )
    assert isinstance(committed, CertifiedBlock)
    hello = Hello(CHAIN_ID, genesis, last.height, f"poyong/{VERSION}", "127.0.0.1:26656")
    frames = {
        "hello": (FrameKind.HELLO, hello.encode()),
        "ping": (FrameKind.PING, b""),
        "pong": (FrameKind.PONG, b""),
        "goodbye": (FrameKind.GOODBYE, encode_goodbye("the node stops")),
        "transactions": (FrameKind.TRANSACTIONS, gossip.encode_batch(raws)),
        "certified block": (FrameKind.CONSENSUS, consensus_wire.encode_message(committed)),
        "ask": (FrameKind.CONSENSUS, consensus_wire.encode_ask(last.hash, (0, 2))),
        "range ask": (FrameKind.SYNC, sync_wire.encode(RangeAsk(5, 1, 64))),
        "range answer": (
            FrameKind.SYNC,
            sync_wire.encode(RangeAnswer(5, last.height, tuple(certified[:2]))),
        ),
        "block ask": (FrameKind.SYNC, sync_wire.encode(BlockAsk(6, 1, last.hash))),
        "head ask": (FrameKind.SYNC, sync_wire.encode(HeadAsk(7))),
    }
    return {name: encode_frame(*frame).hex() for name, frame in frames.items()}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("number", type=int, help="the next free number")
    made = make(parser.parse_args().number)
    size = sum(path.stat().st_size for path in made.iterdir())
    print(f"{made}: {size:,} bytes; commit it, and never change it")


if __name__ == "__main__":
    main()
