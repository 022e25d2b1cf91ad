"""The history of accounts is what a plain look at every block gives, however the blocks came in;
and it tells of every token that an account gained or lost."""

from collections.abc import Mapping, Sequence
from functools import partial

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from api.history import balance_change
from ledger import genesis
from ledger.accounts import ACCOUNTS
from ledger.block import decode_block
from ledger.concerned import HOOKS, accounts_of, concerned, positions
from ledger.crypto import Ed25519Signer, ed25519_address
from ledger.executor import ExecutedBlock
from ledger.primitives import Address
from ledger.transfers import SEND, SEND_MANY
from node.store.account_index import RANGE_KEY, HistoryRules
from node.store.block_store import BlockStore
from node.store.index_rebuild import fill_in, whom_concerns
from tests.support.applied_chain import POOR_ADDRESS, AppliedChain
from tests.support.economy_life import EconomyLife, life_settings
from tests.support.ledger_chain import CHAIN_ID, RICH
from tests.support.plain_history import assert_complete, rows_of
from tokenomics.distribution.pools import POOL_ACCOUNTS, VESTING_ACCOUNT
from tokenomics.issuance.issuance import MINT_ACCOUNT

MODULE_ACCOUNTS = {*POOL_ACCOUNTS, VESTING_ACCOUNT, MINT_ACCOUNT}
SIGNERS = [RICH, *(Ed25519Signer(bytes((number,)) * 32) for number in range(1, 4))]
READ = partial(decode_block, chain_id=CHAIN_ID)
TOLD = "balances told of"
EVERYBODY = [*(ed25519_address(signer.public_key) for signer in SIGNERS), POOR_ADDRESS]

Payment = tuple[int, tuple[int, ...], int]
"""(who sends, to whom, how much: often more than there is)"""
payments = st.tuples(
    st.integers(0, len(SIGNERS) - 1),
    st.lists(st.integers(0, len(EVERYBODY) - 1), min_size=1, max_size=3).map(tuple),
    st.sampled_from([0, 1, 10**6, 2**127]),
)
blocks_of_payments = st.lists(st.lists(payments, max_size=3), min_size=1, max_size=8)


def pay(chain: AppliedChain, paid: Sequence[Payment]) -> None:
    """One block; a sender's payments have the nonces that follow one another."""
    made, ahead = [], dict.fromkeys(range(len(SIGNERS)), 0)
    for sender, receivers, amount in paid:
        named = [EVERYBODY[receiver] for receiver in receivers]
        kind, body = (
            (SEND, SEND.encode(named[0], amount, b""))
            if len(named) == 1
            else (SEND_MANY, SEND_MANY.encode(tuple((to, amount) for to in named), b""))
        )
        made.append(chain.signed(kind.name, body, SIGNERS[sender], ahead=ahead[sender]))
        ahead[sender] += 1
    chain.grow(*made)


@settings(max_examples=25, deadline=None)
@given(blocks_of_payments, st.data())
def test_the_index_is_a_plain_look_at_the_blocks_also_after_restarts_and_catching_up(
    life: list[list[Payment]], data: st.DataObject
) -> None:
    chain, certified = AppliedChain(), []
    for paid in life:
        pay(chain, paid)
        applied = chain.applied[-1]
        certified.append(applied.certified)
        if data.draw(st.integers(0, 3)) == 0:
            chain = AppliedChain(chain.store)
    assert_complete(chain.chain.blocks, CHAIN_ID, EVERYBODY)
    behind = AppliedChain()
    for each in certified:
        behind.take(each)
    assert rows_of(behind.store) == rows_of(chain.store)
    assert behind.store.get(RANGE_KEY) == chain.store.get(RANGE_KEY)


@settings(max_examples=25, deadline=None)
@given(blocks_of_payments, st.data())
def test_filling_in_gives_the_rows_that_were_left_out(
    life: list[list[Payment]], data: st.DataObject
) -> None:
    """Some blocks are committed with the history off, and filling in is interrupted at any time."""
    chain = AppliedChain()
    always = AppliedChain()
    for paid in life:
        is_kept = data.draw(st.booleans())
        chain.chain.blocks.index.rules = HistoryRules(enabled=is_kept)
        pay(always, paid)
        chain.take(always.applied[-1].certified)
    head = len(life)
    blocks = BlockStore(chain.store, "test")
    missing = blocks.index.first(head) - 1
    for height in range(missing, missing - data.draw(st.integers(0, missing)), -1):
        blocks.index_older({height: whom_concerns(blocks, height, READ)})
    told: list[tuple[int, int]] = []
    again = BlockStore(chain.store, "test")
    left = again.index.first(head) - 1
    first, done = fill_in(again, READ, lambda done, whole: told.append((done, whole)))
    assert (first, done) == (1, left)
    assert not told or told[-1] == (left, left)
    assert_complete(again, CHAIN_ID, EVERYBODY)
    assert rows_of(chain.store) == rows_of(always.store)
    assert fill_in(again, READ) == (1, 0)


def test_a_node_that_keeps_no_history_writes_none() -> None:
    chain = AppliedChain()
    chain.chain.blocks.index.rules = HistoryRules(enabled=False)
    pay(chain, [(0, (1,), 1)])
    assert rows_of(chain.store) == {}
    assert chain.store.get(RANGE_KEY) is None


# Every token is told of


class ToldLife(EconomyLife):
    """A life of a town, at whose end the history of each account explains its balance."""

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "actors"):
            town = self.actors.town
            start = genesis.build(town.document, town.chain.executor).rows
            assert_told(dict(start), town.chain.executed)


def assert_told(start: Mapping[bytes, bytes | None], executed: Sequence[ExecutedBlock]) -> None:
    balances = dict(_balances(start))
    changed = 0
    for block in executed:
        events = [event for each in block.receipts for event in each.events]
        events += block.hook_events
        whom = concerned(block.included, block.receipts, block.hook_events)
        for account, balance in _balances(dict(block.changes)):
            gained = balance - balances.get(account, 0)
            balances[account] = balance
            if account in MODULE_ACCOUNTS:
                continue
            told = sum(balance_change(each, account) for each in events)
            assert told == gained, f"{account.hex()} at height {block.info.height}"
            assert not gained or account in whom
            changed += gained != 0
        assert all(HOOKS not in positions(whom[account]) or account in accounts_of(
            block.hook_events) for account in whom)  # fmt: skip
    ToldLife.did[TOLD] = ToldLife.did.get(TOLD, 0) + changed


def _balances(rows: Mapping[bytes, bytes | None]) -> list[tuple[Address, int]]:
    return [
        (Address(key[len(ACCOUNTS.prefix) :]), ACCOUNTS.decode(row).balance if row else 0)
        for key, row in rows.items()
        if key.startswith(ACCOUNTS.prefix)
    ]


def test_every_token_that_an_account_gained_or_lost_is_in_its_history() -> None:
    """In lives with claims, releases, people who leave, public spending and transfers."""
    ToldLife.start(0)
    wanted = ("transfer.send OK", "distribution.release OK", "distribution.leave OK")
    for _ in range(24):
        run_state_machine_as_test(
            ToldLife, settings=life_settings(2, 20, phases=(Phase.generate,), database=None)
        )
        if all(EconomyLife.did.get(name) for name in wanted) and ToldLife.did[TOLD] > 20:
            break
    assert all(EconomyLife.did.get(name) for name in wanted)
    assert ToldLife.did[TOLD] > 20
