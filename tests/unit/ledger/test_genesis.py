"""Genesis: a strict document, one hash for all nodes, and a sound state of height 0."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ledger import accounts, genesis
from ledger.commitment import StateCommitment
from ledger.crypto import checksum_address, ed25519_address
from ledger.errors import LocalError
from ledger.executor import BlockExecutor
from ledger.local_accounts import ed25519_accounts, secp256k1_accounts
from ledger.primitives import UNIT
from ledger.validator_tables import observers
from tests.support.ledger_chain import RICH, LedgerChain, genesis_document, parsed, standard_modules

Document = dict[str, Any]


def text(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def build(document: Document) -> genesis.GenesisBlock:
    return genesis.build(parsed(document), BlockExecutor(standard_modules()))


def test_the_state_of_height_0_is_what_the_document_says() -> None:
    observer = {"name": "portal", "node_key": "ab" * 32}
    chain = LedgerChain(4, document=parsed(genesis_document(4, observers=[observer])))
    assert chain.height == 0
    assert accounts.balance(chain.state, ed25519_address(RICH.public_key)) == 1_000 * UNIT
    assert observers(chain.state) == {bytes.fromhex("ab" * 32): "portal"}
    assert len(chain.view.validators) == 4
    assert chain.view.eligible == (0, 1, 2, 3)
    assert chain.history.next_turn == 0


def test_the_genesis_hash_covers_document_and_state() -> None:
    plain = build(genesis_document(4))
    assert plain.block.header.parent_hash == parsed(genesis_document(4)).document_hash()
    assert plain.block.header.state_root == plain.commitment.root
    assert StateCommitment.build(plain.rows, 256).root == plain.commitment.root
    others = [
        genesis_document(4, name="other town"),
        genesis_document(4, chain_id=2),
        genesis_document(4, time_ms=5),
        genesis_document(4, bucket_count=16),
        genesis_document(4, parameters={"heartbeat_interval_ms": 1_000}),
        genesis_document(4, observers=[{"name": "portal", "node_key": "ab" * 32}]),
        genesis_document(3),
    ]
    hashes = {plain.block.hash} | {build(other).block.hash for other in others}
    assert len(hashes) == 1 + len(others)


def test_order_spaces_and_defaults_that_are_written_out_change_nothing() -> None:
    document = genesis_document(4)
    full = parsed(document).document()
    shuffled = dict(reversed(full.items()))
    again = genesis.parse(json.dumps(shuffled, indent=3).encode())
    assert again == parsed(document)
    assert again.document_hash() == parsed(document).document_hash()


def without(name: str) -> Callable[[Document], object]:
    return lambda document: document.pop(name)


def having(**changes: Any) -> Callable[[Document], object]:
    return lambda document: document.update(changes)


def in_seat(**changes: Any) -> Callable[[Document], object]:
    return lambda document: document["validators"][1].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("chain_id"), "chain_id is missing"),
        (without("validators"), "validators is missing"),
        (having(chain_ID=1), "chain_ID: unknown option; did you mean 'chain_id'"),
        (having(xyz=1), "xyz: unknown option; known are"),
        (having(chain_id=0), r"chain_id: expected an integer in 1\.\."),
        (having(chain_id="82062"), "chain_id: expected an integer"),
        (having(chain_id=True), "chain_id: expected an integer"),
        (having(time_ms=-1), "time_ms: expected an integer"),
        (having(name=""), "name: expected text of 1 to 64 bytes"),
        (having(local="yes"), "local: expected true or false"),
        (having(bucket_count=1000), r"bucket_count: expected one of \(16, 256"),
        (having(parameters={"heartbeat_ms": 1}), "did you mean 'heartbeat_interval_ms'"),
        (having(parameters={"heartbeat_interval_ms": 0}), "expected an integer in 1"),
        (having(parameters={"min_block_interval_ms": 40_000}), "at most the heartbeat of 30000"),
        (having(validators=[]), r"expected 1\.\.32 validators"),
        (having(validators={}), "validators: expected a list"),
        (in_seat(public_key="zz"), r"validators\[1\]\.public_key: expected 64 hex digits"),
        (in_seat(organisation="o0"), "two validators share one organisation"),
        (in_seat(key="x"), r"validators\[1\]\.key: unknown option"),
        (having(observers=[{"name": "a"}]), r"observers\[0\]: node_key is missing"),
        (having(observers=[{"name": "a", "node_key": "ab" * 32}] * 2), "listed twice"),
        (having(modules=[]), "modules: expected an object"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_remedy(
    change: Callable[[Document], object], message: str
) -> None:
    document = genesis_document(4)
    change(document)
    with pytest.raises(LocalError, match=message) as raised:
        genesis.parse(text(document), "town.json")
    assert str(raised.value).startswith("town.json: ")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff", "not UTF-8"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": 1.5}', "1.5 is no integer"),
        (b'{"a": NaN}', "NaN is no integer"),
        (b'{"a": 1, "a": 2}', "'a' appears twice"),
        (b'{"a": "\\ud800"}', "not UTF-8"),
        (b"[]", "expected an object"),
        (bytes(16 * 1024 * 1024 + 1), "at most 16777216"),
    ],
)
def test_what_is_no_strict_json_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(LocalError, match=message):
        genesis.parse(data)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"acounts": {}}, "did you mean 'accounts'"),
        ({"validators": {}}, "no module is called 'validators'"),
        ({"accounts": []}, r"modules\.accounts: expected an object"),
        ({"transfer": {"fee": 1}}, "takes no options"),
        ({"governance": {"chamber": 1}}, r"governance\.chamber: unknown option"),
        ({"governance": {"authority": "0x12"}}, r"governance\.authority: expected 0x and 40"),
    ],
)
def test_a_wrong_section_is_named(sections: Document, message: str) -> None:
    with pytest.raises(LocalError, match=message):
        build(genesis_document(4, modules=sections))


@pytest.mark.parametrize(
    ("account", "place"),
    [
        (secp256k1_accounts()[0], "account"),
        (ed25519_accounts()[9], "account"),
        (secp256k1_accounts()[9], "authority"),
        (ed25519_accounts()[0], "validator"),
        (ed25519_accounts()[0], "observer"),
    ],
    ids=["ethereum account", "account", "authority", "validator", "observer"],
)
def test_development_keys_are_for_local_towns_only(account: Any, place: str) -> None:
    document = genesis_document(1)
    address = checksum_address(account.address)
    match place:
        case "account":
            document["modules"]["accounts"]["accounts"].append({"address": address, "balance": "1"})
        case "authority":
            document["modules"]["governance"]["authority"] = address
        case "validator":
            document["validators"][0]["public_key"] = account.signer.public_key.hex().upper()
        case "observer":
            document["observers"] = [{"name": "a", "node_key": account.signer.public_key.hex()}]
    with pytest.raises(LocalError, match="a development key that everybody has"):
        parsed(document)
    document["local"] = True
    assert build(document).block.height == 0


def test_genesis_without_authority_lets_nobody_decide() -> None:
    document = genesis_document(1)
    del document["modules"]["governance"]
    assert build(document).block.hash != build(genesis_document(1)).block.hash
