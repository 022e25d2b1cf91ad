"""Balances and nonces of all accounts, and the token supply.

Whoever holds tokens is an account: pools, escrow and treasury too, at a module_address(). So the
balances always sum to the supply, and only mint() and burn() move it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ledger import codec
from ledger.crypto import keccak256, sha256
from ledger.errors import ErrorCode, LocalError, TransactionError, ensure
from ledger.message_registry import MessageType
from ledger.module import BlockInfo, Context, Handler, Invariant
from ledger.primitives import ADDRESS_BYTES, MAX_AMOUNT, MAX_UINT64, Address
from ledger.state import State, Table
from ledger.strict_json import JsonReader

MAX_GENESIS_ACCOUNTS: Final = 10_000
"""Accounts that a genesis file lists one by one."""
MAX_GENERATED_ACCOUNTS: Final = 10_000_000
MAX_SEED_CHARACTERS: Final = 64
_MODULE_ADDRESS_TAG: Final = b"\x03"
_GENESIS: Final = JsonReader("genesis")


class Account(msgspec.Struct, frozen=True, gc=False):
    """nonce: that of the account's next transaction. balance: in smallest units."""

    nonce: int
    balance: int


EMPTY: Final = Account(0, 0)
"""What an account is that no row exists for."""


def _encode_account(account: Account) -> bytes:
    return codec.encode((account.nonce, codec.encode_amount(account.balance)))


def _decode_account(data: bytes) -> Account:
    nonce, balance = codec.as_array(codec.decode(data), "account", 2)
    return Account(codec.as_uint(nonce, "nonce"), codec.decode_amount(balance, "balance"))


def _encode_supply(amount: int) -> bytes:
    return codec.encode(codec.encode_amount(amount))


def _decode_supply(data: bytes) -> int:
    return codec.decode_amount(codec.decode(data), "supply")


ACCOUNTS: Final = Table("accounts", "account", _encode_account, _decode_account)
"""Account by address; an account without balance that never sent anything has no row."""
SUPPLY: Final = Table("accounts", "supply", _encode_supply, _decode_supply)
"""One row at the empty key: everything minted and not burned."""
_SUPPLY_KEY: Final = b""


def module_address(name: str) -> Address:
    """Account without a key that the module code called `name` acts for ("pool.treasury").

    Last 20 bytes of keccak256(0x03 || UTF-8 of name).
    """
    return Address(keccak256(_MODULE_ADDRESS_TAG + name.encode())[-ADDRESS_BYTES:])


def get(state: State, address: Address) -> Account:
    """The account at `address`; EMPTY when it has no row."""
    return state.get(ACCOUNTS, address) or EMPTY


def balance(state: State, address: Address) -> int:
    """Balance in smallest units."""
    return get(state, address).balance


def nonce(state: State, address: Address) -> int:
    """Nonce that the account's next transaction must carry."""
    return get(state, address).nonce


def supply(state: State) -> int:
    """Tokens in existence, in smallest units: the sum of all balances."""
    return state.get(SUPPLY, _SUPPLY_KEY) or 0


def bump_nonce(state: State, address: Address) -> None:
    """Count one more transaction of `address`."""
    account = get(state, address)
    ensure(account.nonce < MAX_UINT64, f"account 0x{address.hex()}: nonces are used up")
    _put(state, address, account.nonce + 1, account.balance)


def credit(state: State, address: Address, amount: int) -> None:
    """Add `amount` to a balance, which somebody else's debit() or mint() has to match."""
    ensure(amount >= 0, f"credit of a negative amount {amount}")
    if amount == 0:
        return
    account = get(state, address)
    if account.balance + amount > MAX_AMOUNT:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"balance of 0x{address.hex()} would pass 2^128-1: it holds {account.balance}, "
            f"{amount} was to be added",
        )
    _put(state, address, account.nonce, account.balance + amount)


def debit(state: State, address: Address, amount: int) -> None:
    """Take `amount` from a balance; TransactionError INSUFFICIENT_FUNDS when it holds less."""
    ensure(amount >= 0, f"debit of a negative amount {amount}")
    if amount == 0:
        return
    account = get(state, address)
    if account.balance < amount:
        raise TransactionError(
            ErrorCode.INSUFFICIENT_FUNDS,
            f"insufficient funds: needed {amount}, available {account.balance}",
        )
    _put(state, address, account.nonce, account.balance - amount)


def transfer(state: State, sender: Address, to: Address, amount: int) -> None:
    """Debit, then credit; sender and receiver may be the same account."""
    debit(state, sender, amount)
    credit(state, to, amount)


def mint(state: State, to: Address, amount: int) -> None:
    """Create tokens on an account; TransactionError LIMIT_EXCEEDED above a supply of 2^128-1."""
    ensure(amount >= 0, f"mint of a negative amount {amount}")
    total = supply(state) + amount
    if total > MAX_AMOUNT:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED, f"supply would be {total}, at most 2^128-1 is possible"
        )
    if amount:
        state.put(SUPPLY, _SUPPLY_KEY, total)
        credit(state, to, amount)


def burn(state: State, owner: Address, amount: int) -> None:
    """Destroy tokens of an account; TransactionError INSUFFICIENT_FUNDS when it holds less."""
    debit(state, owner, amount)
    if amount:
        state.put(SUPPLY, _SUPPLY_KEY, supply(state) - amount)


def _put(state: State, address: Address, new_nonce: int, new_balance: int) -> None:
    if new_nonce or new_balance:
        state.put(ACCOUNTS, address, Account(new_nonce, new_balance))
    else:
        state.delete(ACCOUNTS, address)


def check_block_conserves(state: State) -> None:
    """InvariantViolation unless the block's balance changes add up to its supply change.

    Looks only at rows that the block changed: cheap enough for every block.
    """
    moved = sum(
        (after.balance if after else 0) - (before.balance if before else 0)
        for _, before, after in state.changed(ACCOUNTS)
    )
    issued = sum((after or 0) - (before or 0) for _, before, after in state.changed(SUPPLY))
    ensure(
        moved == issued,
        f"balances changed by {moved} in this block, the supply by {issued}: tokens came from "
        "nowhere or vanished",
    )


def check_balances_sum_to_supply(state: State, block: BlockInfo) -> None:
    """InvariantViolation unless all balances sum to the supply. Reads every account."""
    total = sum(account.balance for _, account in state.iterate(ACCOUNTS))
    ensure(
        total == supply(state),
        f"height {block.height}: balances sum to {total}, the supply is {supply(state)}",
    )


class AccountsModule:
    """StateModule of the accounts: genesis balances, and that no token appears or vanishes."""

    name: Final = "accounts"
    handlers: Final[Mapping[MessageType, Handler]] = {}
    invariants: Final[Mapping[str, Invariant]] = {
        "balances_sum_to_supply": check_balances_sum_to_supply
    }

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        """Mint the balances of genesis; LocalError names the wrong option.

        accounts: [{"address": "0x...", "balance": "smallest units, decimal"}];
        generated: {"count", "balance", "seed"}: accounts without a known key, for load tests.
        """
        _refuse_unknown(section, {"accounts", "generated"}, "accounts")
        listed = section.get("accounts", [])
        if not isinstance(listed, list) or len(listed) > MAX_GENESIS_ACCOUNTS:
            raise LocalError(
                f"genesis accounts.accounts: expected a list of at most {MAX_GENESIS_ACCOUNTS}"
            )
        for position, item in enumerate(listed):
            _mint_listed(context.state, item, f"accounts.accounts[{position}]")
        if "generated" in section:
            _mint_generated(context.state, section["generated"])

    def begin_block(self, context: Context) -> None:
        """Nothing to do."""

    def end_block(self, context: Context) -> None:
        """Nothing to do."""

    def next_deadline_ms(self, state: State) -> int | None:
        """None: nothing depends on time."""
        del state
        return None


def generated_address(seed: str, index: int) -> Address:
    """First 20 bytes of sha256(UTF-8 of seed || index as 8 bytes, big-endian)."""
    return Address(sha256(seed.encode() + index.to_bytes(8, "big"))[:ADDRESS_BYTES])


def _refuse_unknown(section: object, known: set[str], name: str) -> Mapping[str, Any]:
    if not isinstance(section, Mapping):
        raise LocalError(f"genesis {name}: expected an object with {sorted(known)}")
    if unknown := sorted(set(section) - known):
        raise LocalError(f"genesis {name}: unknown option {unknown[0]}, known are {sorted(known)}")
    return section


def _genesis_amount(value: object, name: str) -> int:
    """Decimal digits as text: JSON numbers lose digits in other languages."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 39:
        amount = int(value)
        if amount <= MAX_AMOUNT:
            return amount
    raise LocalError(
        f"genesis {name}: expected smallest units as decimal text, at most 2^128-1, "
        f"found {value!r:.60}"
    )


def _mint_listed(state: State, item: object, name: str) -> None:
    account = _refuse_unknown(item, {"address", "balance"}, name)
    address = _GENESIS.address(account.get("address"), f"{name}.address")
    if balance(state, address):
        raise LocalError(f"genesis {name}.address: {account['address']} is listed twice")
    _mint_genesis(state, address, _genesis_amount(account.get("balance"), f"{name}.balance"), name)


def _mint_genesis(state: State, to: Address, amount: int, name: str) -> None:
    try:
        mint(state, to, amount)
    except TransactionError as error:
        raise LocalError(f"genesis {name}: {error.reason}") from error


def _mint_generated(state: State, section: object) -> None:
    """One shared immutable Account and direct puts: a million rows in a few seconds."""
    name = "accounts.generated"
    options = _refuse_unknown(section, {"count", "balance", "seed"}, name)
    count, seed = options.get("count"), options.get("seed")
    if type(count) is not int or not 1 <= count <= MAX_GENERATED_ACCOUNTS:
        raise LocalError(
            f"genesis {name}.count: expected 1..{MAX_GENERATED_ACCOUNTS}, found {count!r:.60}"
        )
    if not isinstance(seed, str) or len(seed) > MAX_SEED_CHARACTERS:
        raise LocalError(
            f"genesis {name}.seed: expected text of at most {MAX_SEED_CHARACTERS} characters"
        )
    amount = _genesis_amount(options.get("balance"), f"{name}.balance")
    if amount == 0:
        raise LocalError(f"genesis {name}.balance: expected more than 0")
    total = supply(state) + count * amount
    if total > MAX_AMOUNT:
        raise LocalError(
            f"genesis {name}: the supply would be {total}, at most 2^128-1 is possible"
        )
    listed = {address for address, _ in state.iterate(ACCOUNTS)}
    account = Account(0, amount)
    for index in range(count):
        address = generated_address(seed, index)
        if address in listed:
            raise LocalError(f"genesis {name}: account {index} is also listed; use another seed")
        state.put(ACCOUNTS, address, account)
    state.put(SUPPLY, _SUPPLY_KEY, total)
