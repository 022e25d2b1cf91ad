"""A local town that its stakeholders govern, as it is made, and the organisation that joins it."""

from pathlib import Path

import pytest

from governance.admissible import GOVERNANCE
from governance.authority import authority
from governance.chambers import ALL_CHAMBERS, PERSONS
from governance.proposals.classes import governance_parameters
from governance.stakeholders import legal_bases, membership, organisations
from ledger import genesis
from ledger.kv import MemoryStore, WriteBatch
from ledger.state import State
from ledger.transaction import Draft, verify_transaction
from ledger.transfers import SEND
from node import config
from node.constitution.people import PERSONS_A_CHAMBER, people_of
from node.keys import threshold_account
from node.localnet import charter, creation, held, joining, layout
from node.localnet.cast import cast_of, organisation_sender
from node.localnet.charter import FOUNDERS, FOUNDING_ACT, JOINING, Calendar
from node.localnet.creation import Wish, prepare
from node.localnet.layout import Town
from node.modules import build_executor

BASE = 25_000
CALENDAR = Calendar(day_ms=300, block_ms=150)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Town]:
    folder = tmp_path_factory.mktemp("town")
    wish = Wish(scenario="gwangju", base_port=BASE, quarter_ms=1_000, calendar=CALENDAR)
    return folder, prepare(folder, wish)


def state_of(folder: Path) -> tuple[genesis.Genesis, State]:
    """The state after genesis, in which every invariant holds."""
    document = genesis.parse((folder / "observer" / creation.GENESIS_FILE).read_bytes())
    executor, store, batch = build_executor(), MemoryStore(), WriteBatch()
    batch.operations.extend(genesis.build(document, executor).rows)
    store.write(batch, sync=True)
    return document, State(store)


def test_four_organisations_sit_in_their_chambers_and_nobody_as_a_person(
    made: tuple[Path, Town],
) -> None:
    folder, town = made
    document, state = state_of(folder)
    assert town.governed
    for chamber in ALL_CHAMBERS:
        assert membership.seated(state, chamber.name) == (0 if chamber.name in PERSONS else 1)
    for name in FOUNDERS:
        row = organisations.find(state, name)
        keys = creation.read_keys(folder, next(node for node in town.nodes if node.name == name))
        assert row is not None
        assert (row.validator_key, row.node_key) == (keys.validator, keys.node)
        assert membership.chamber_of(state, organisation_sender(folder / name).address) == (
            charter.ORGANISATIONS[name].chamber
        )
    assert document.observers[charter.auditor().node_key] == charter.AUDITOR
    assert document.parameters.min_block_interval_ms == CALENDAR.block_ms


def test_no_authority_is_left_beside_the_chambers(made: tuple[Path, Town]) -> None:
    folder, town = made
    _, state = state_of(folder)
    assert authority(state) == GOVERNANCE
    assert not list(folder.rglob(creation.AUTHORITY_FILE))
    assert cast_of(folder, town).authority is None
    assert governance_parameters(state).day_ms == CALENDAR.day_ms
    assert legal_bases.in_force(state, FOUNDING_ACT)


def test_two_of_three_people_sign_for_an_organisation(made: tuple[Path, Town]) -> None:
    folder, _ = made
    account = threshold_account.read_account(folder / "gist" / creation.ACCOUNT_FILE)
    assert (account.threshold, len(account.keys)) == (2, 3)
    assert set(account.names) == {"president", *creation.SECOND_KEYS}
    draft = Draft(
        chain_id=creation.CHAIN_ID,
        nonce=0,
        type=SEND.name,
        body=SEND.encode(account.witness.address, 1, b""),
        valid_until=9,
    )
    sender = organisation_sender(folder / "gist")
    signed = sender.sign(draft)
    assert signed.sender == account.witness.address
    assert verify_transaction(signed)


def test_the_persons_of_the_scenario_are_strangers_on_day_one(made: tuple[Path, Town]) -> None:
    folder, _ = made
    _, state = state_of(folder)
    people = people_of(folder)
    accounts = {person.address for person, _ in people.persons}
    assert len(accounts) == 2 * PERSONS_A_CHAMBER
    assert all(membership.member_id(state, each) is None for each in accounts)


def test_an_organisation_that_joins_gets_a_home_and_changes_no_other(tmp_path: Path) -> None:
    wish = Wish(scenario="gwangju", base_port=BASE, calendar=CALENDAR)
    town = prepare(tmp_path, wish)
    before = {
        path: path.read_bytes()
        for node in town.nodes
        for path in (tmp_path / node.name).rglob("*")
        if path.is_file()
    }
    grown, node, keys = joining.prepare_validator(tmp_path, town, JOINING)
    assert {path: path.read_bytes() for path in before} == before
    assert layout.load(tmp_path) == grown
    assert [each.name for each in grown.nodes] == [*FOUNDERS, JOINING, "observer"]
    assert grown.observer == town.observer
    assert not set(node.ports) & {port for each in town.nodes for port in each.ports}
    loaded = config.load(tmp_path / JOINING / config.CONFIG_FILE, {})
    assert loaded.is_validator
    assert len(loaded.network.peers) == len(town.nodes)
    assert keys == creation.read_keys(tmp_path, node)
    assert (tmp_path / JOINING / creation.GENESIS_FILE).read_bytes() == (
        tmp_path / "gist" / creation.GENESIS_FILE
    ).read_bytes()
    assert organisation_sender(tmp_path / JOINING).address
    assert held.running(tmp_path) == {}
    # A second start goes on with all of them, on other ports too.
    moved = prepare(tmp_path, Wish(base_port=BASE + 500))
    assert [each.name for each in moved.nodes] == [each.name for each in grown.nodes]
    assert (moved.governed, len(moved.validators)) == (True, 5)
    layout.wipe(tmp_path)
    assert not (tmp_path / JOINING).exists()
