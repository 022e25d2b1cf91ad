"""Statements: the reader computes the answer from proven rows, and a file that leaves out, adds or
changes a row proves nothing."""

import json
from dataclasses import replace
from typing import Any

import pytest

from api import ports, statements, views
from api.light import FinalStatement, TrustedGenesis, verify_json
from api.statements import STATEMENTS, ProvenRows, ReadRows
from consensus.messages import SigningDomain
from governance.proposals.proposal_views import proposal
from ledger import accounts, codec, proofs
from ledger.block import Header, participation_root
from ledger.commitment import StateCommitment
from ledger.crypto import Ed25519Signer, sha256
from ledger.errors import DecodeError, InvariantViolation, PeerError
from ledger.kv import MemoryStore
from ledger.primitives import ZERO_HASH
from ledger.registry import Certificate, Participation, Phase, Validator, ValidatorSet
from ledger.state import State
from node.modules import TOKEN
from tests.support.governed_town import GovernedTown, account
from tests.support.ledger_chain import CHAIN_ID
from tokenomics.issuance.views import issuance
from tokenomics.oracle.land_rules import SET_LAND_PARAMETER
from tokenomics.oracle.land_views import land_index, zone_round

GENESIS_HASH = sha256(b"genesis")
SIGNERS = tuple(Ed25519Signer(sha256(name)) for name in (b"a", b"b", b"c", b"d"))
SET = ValidatorSet(
    tuple(
        Validator(f"org {number}", signer.public_key, sha256(signer.public_key))
        for number, signer in enumerate(SIGNERS)
    )
)
GENESIS = TrustedGenesis(CHAIN_ID, GENESIS_HASH, SET)
SAID: tuple[tuple[str, dict[str, Any]], ...] = (
    ("balance", {"account": "0x" + account("city").hex()}),
    ("balance", {"account": "0x" + bytes(20).hex()}),
    ("supply", {}),
    ("issuance", {}),
    ("issuance", {"number": 2}),
    ("land_index", {}),
    ("land_index", {"number": 1}),
    ("land_index", {"number": 999}),
    ("proposal", {}),
    ("proposal", {"number": 1}),
    ("proposal", {"number": 9}),
)
CASES = pytest.mark.parametrize(("name", "arguments"), SAID, ids=str)


@pytest.fixture(scope="module")
def town() -> GovernedTown:
    """Rounds that closed with reports, tokens that were minted, and a proposal carried out."""
    town = GovernedTown()
    town.decide(1, (SET_LAND_PARAMETER, ("min_reports", 4)))
    town.appraise(60)
    assert land_index(town.state)["closed_rounds"] > 2
    return town


@pytest.fixture(scope="module")
def commitment(town: GovernedTown) -> StateCommitment:
    rows = list(town.chain.store.iterate(b"", b"\xff"))
    return StateCommitment.build(rows, 16)


def proven(commitment: StateCommitment, name: str, said: Any, rows: Any) -> dict[str, Any]:
    """The file that a node writes, through JSON and back."""
    header = Header(
        9, ZERO_HASH, 9_000, 0, ZERO_HASH, commitment.root, ZERO_HASH, SET.hash(),
        participation_root(Participation(None)),
    )  # fmt: skip
    payload = SigningDomain(CHAIN_ID, GENESIS_HASH).payload(Phase.COMMIT, 9, 0, header.hash)
    seals = tuple((index, signer.sign(payload)) for index, signer in enumerate(SIGNERS[:3]))
    chain = ports.ChainProof(
        codec.encode(header.to_wire()), Certificate(9, 0, header.hash, seals), ()
    )
    proof = ports.StatementProof(
        chain,
        name,
        said,
        tuple(
            ports.ProvenRow(key, value, codec.encode(proofs.prove_state(commitment, key).to_wire()))
            for key, value in rows.items()
        ),
    )
    found: dict[str, Any] = json.loads(json.dumps(views.statement_proof(proof)))
    return found


def rows_of(town: GovernedTown, name: str, arguments: Any) -> dict[bytes, bytes | None]:
    return dict(statements.rows_read(STATEMENTS[name], town.chain.store, arguments))


@CASES
def test_proven_rows_give_what_the_whole_state_gives(
    town: GovernedTown, commitment: StateCommitment, name: str, arguments: Any
) -> None:
    file = proven(commitment, name, arguments, rows_of(town, name, arguments))
    found = verify_json(GENESIS, file)
    assert isinstance(found, FinalStatement)
    argument = statements.argument_of(STATEMENTS[name], arguments)
    assert found.answer == STATEMENTS[name].read(town.state, argument)
    assert (found.statement, found.block.header.height) == (name, 9)


@CASES
def test_a_file_without_any_one_of_its_rows_proves_nothing(
    town: GovernedTown, name: str, arguments: Any
) -> None:
    rows = rows_of(town, name, arguments)
    for missing in rows:
        kept = {key: value for key, value in rows.items() if key != missing}
        with pytest.raises(PeerError, match="not proven"):
            statements.stated(STATEMENTS[name], kept, arguments)


@CASES
def test_a_row_that_is_not_in_the_state_is_refused(
    town: GovernedTown, commitment: StateCommitment, name: str, arguments: Any
) -> None:
    """Each row in turn is denied, made up, or given another value."""
    rows = rows_of(town, name, arguments)
    for key, value in rows.items():
        for other in (b"\x90" if value is None else None, (value or b"") + b"\0"):
            with pytest.raises(PeerError, match="not shown to be"):
                verify_json(GENESIS, proven(commitment, name, arguments, {**rows, key: other}))


def test_a_row_that_nothing_hangs_on_is_refused(
    town: GovernedTown, commitment: StateCommitment
) -> None:
    rows = rows_of(town, "supply", {})
    more = rows | rows_of(town, "issuance", {})
    with pytest.raises(PeerError, match="depends on 1 rows"):
        verify_json(GENESIS, proven(commitment, "supply", {}, more))


def test_rows_of_one_argument_do_not_pass_for_another(
    town: GovernedTown, commitment: StateCommitment
) -> None:
    rows = rows_of(town, "land_index", {"number": 1})
    with pytest.raises(PeerError, match="not proven"):
        verify_json(GENESIS, proven(commitment, "land_index", {"number": 2}, rows))


def test_a_row_twice_is_refused(town: GovernedTown, commitment: StateCommitment) -> None:
    file = proven(commitment, "supply", {}, rows_of(town, "supply", {}))
    file["rows"] *= 2
    with pytest.raises(PeerError, match="given twice"):
        verify_json(GENESIS, file)


def test_the_answers_are_those_of_the_views(town: GovernedTown) -> None:
    state = town.state

    def said(name: str, **arguments: object) -> Any:
        statement = STATEMENTS[name]
        return statement.read(state, statements.argument_of(statement, arguments))

    assert said("issuance") == issuance(state, TOKEN)
    assert said("supply") == {"supply": str(accounts.supply(state))}
    assert said("proposal", number=1) == proposal(state, 1)
    newest = land_index(state)["rounds"][-1]
    index = said("land_index")
    assert (
        newest.items()
        >= {
            name: index[name]
            for name in ("round", "closed_ms", "land_index", "value_krw", "reports")
        }.items()
    )
    for zone in index["zones"]:
        row = zone_round(state, zone["zone"], index["round"])
        assert row is not None
        prices = {item["appraiser"]: item["price_krw_per_m2"] for item in row["reports"]}
        given = {
            item["appraiser"]: item["price_krw_per_m2"]
            for item in zone["reports"]
            if item["price_krw_per_m2"] is not None
        }
        assert given == prices
        assert len(given) >= 4
        assert zone["accepted_krw_per_m2"] == row["accepted_krw_per_m2"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("balance", {}),
        ("balance", {"account": "0x01"}),
        ("balance", {"number": 1}),
        ("supply", {"number": 1}),
        ("proposal", {"number": "1"}),
        ("proposal", {"number": -1}),
        ("proposal", {"number": 2**64}),
        ("land_index", {"number": True}),
    ],
    ids=str,
)
def test_a_wrong_argument_is_named(name: str, arguments: Any) -> None:
    with pytest.raises(DecodeError):
        statements.argument_of(STATEMENTS[name], arguments)


def test_an_unknown_statement_names_those_there_are() -> None:
    with pytest.raises(DecodeError, match="balance, supply, issuance, land_index, proposal"):
        statements.statement_named("wealth")


def test_nothing_that_lists_rows_can_be_stated() -> None:
    for reader in (ReadRows(MemoryStore()), ProvenRows({})):
        with pytest.raises(InvariantViolation, match="lists the rows"):
            next(iter(State(reader).iterate(accounts.ACCOUNTS)))


def test_a_statement_reads_a_bounded_number_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "MAX_ROWS", 2)
    reader = ReadRows(MemoryStore())
    for key in (b"a", b"b", b"a"):
        assert reader.get(key) is None
    with pytest.raises(PeerError, match="more than 2 rows"):
        reader.get(b"c")


def test_rows_of_another_form_are_a_sentence(town: GovernedTown) -> None:
    """A chain of a later version may keep a row differently."""
    rows = dict.fromkeys(rows_of(town, "supply", {}), b"\x93\x01\x02\x03")
    with pytest.raises(PeerError, match="do not read as supply"):
        statements.stated(STATEMENTS["supply"], rows, {})


def test_the_certificate_counts_as_for_any_proof(
    town: GovernedTown, commitment: StateCommitment
) -> None:
    file = proven(commitment, "supply", {}, rows_of(town, "supply", {}))
    other = replace(GENESIS, genesis_hash=sha256(b"another chain"))
    with pytest.raises(PeerError, match="signature"):
        verify_json(other, file)
