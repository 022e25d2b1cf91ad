"""eth_*: what accounts hold, and what a call or a transfer would do."""

from typing import Annotated

from api.encoding import hex_of
from api.errors import REFUSED, RpcError
from api.ethereum import contract_calls, examples, forms, results
from api.ethereum.blocks import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT
from api.ethereum.contracts import CODE, TOKEN
from api.ethereum.encoding import quantity
from api.ethereum.forms import LATEST, PENDING, BlockId, CallObject
from api.parameters import ADDRESS
from api.registry import Context, method
from ledger import abi, codec
from ledger.ethereum_envelope import intrinsic_gas
from ledger.primitives import Address

_Owner = Annotated[bytes, ADDRESS, "Any address, in any case."]
_At = Annotated[
    BlockId, forms.BLOCK_ID, "The last committed block, however named; older state is not kept."
]
_Call = Annotated[CallObject, forms.CALL, "The transaction that would be sent."]
_OF_BOB = {"address": hex_of(examples.BOB), "block": "latest"}
_CALL = {
    "transaction": {
        "to": hex_of(TOKEN),
        "data": hex_of(
            abi.selector("balanceOf(address)") + abi.encode((abi.ADDRESS,), (examples.BOB,))
        ),
    }
}
_TRANSFER = {
    "transaction": {"from": hex_of(examples.SENDER), "to": hex_of(examples.BOB), "value": "0x1"}
}


@method("eth", example=_OF_BOB, result=quantity(examples.BALANCE))
async def get_balance(context: Context, address: _Owner, block: _At = LATEST) -> results.Quantity:
    """Balance of an account in smallest units (10^-18 token)."""
    context.ethereum.require_head(block)
    return quantity(context.node.account(address).balance)


@method("eth", example={**_OF_BOB, "block": "pending"}, result="0x0")
async def get_transaction_count(
    context: Context, address: _Owner, block: _At = LATEST
) -> results.Quantity:
    """The account's next nonce; with "pending", after what waits in this node's mempool."""
    context.ethereum.require_head(block)
    account = context.node.account(address)
    return quantity(account.pending_nonce if block == PENDING else account.nonce)


@method("eth", example=_OF_BOB, result="0x")
async def get_code(context: Context, address: _Owner, block: _At = LATEST) -> results.Bytes:
    """0xfe for a system contract, 0x for every other address: there is no EVM."""
    context.ethereum.require_head(block)
    is_contract = Address(address) in context.node.contracts.functions
    return hex_of(CODE if is_contract else b"")


@method(
    "eth",
    example={"address": hex_of(examples.BOB), "slot": "0x0", "block": "latest"},
    result="0x" + "00" * 32,
)
async def get_storage_at(
    context: Context,
    address: _Owner,
    slot: Annotated[bytes, forms.SLOT, "Which slot."],
    block: _At = LATEST,
) -> results.Hash32:
    """Zero: no account has storage slots. poyong_getProof reads rows of the state."""
    del address, slot
    context.ethereum.require_head(block)
    return "0x" + "00" * 32


@method("eth", example=_CALL, result=hex_of(abi.encode((abi.UINT256,), (examples.BALANCE,))))
async def call(
    context: Context,
    transaction: _Call,
    block: _At = LATEST,
    state_overrides: Annotated[None, forms.NO_OVERRIDES, "Not supported."] = None,
    block_overrides: Annotated[None, forms.NO_OVERRIDES, "Not supported."] = None,
) -> results.Bytes:
    """What a view of a system contract answers, or what calling another function of it would give;
    0x from an address without code. What a contract refuses is an error of code 3 with the reason.
    """
    del state_overrides, block_overrides
    context.ethereum.require_head(block)
    return hex_of(await contract_calls.call(context, transaction))


@method("eth", example=_TRANSFER, result="0x5208")
async def estimate_gas(
    context: Context,
    transaction: _Call,
    block: _At = LATEST,
    state_overrides: Annotated[None, forms.NO_OVERRIDES, "Not supported."] = None,
) -> results.Quantity:
    """The least gas limit that the transaction has to carry: 21000 for a transfer, and more for
    data. Refuses what would be refused when sent, and a call that would fail with its reason."""
    del state_overrides
    context.ethereum.require_head(block)
    if transaction.to is None:
        raise RpcError(REFUSED, "contract creation is not supported: name a receiver in to")
    to = Address(transaction.to)
    if to in context.node.contracts.functions:
        await contract_calls.call(context, transaction)
    elif transaction.data:
        raise RpcError(REFUSED, f"{hex_of(to)} is no system contract: data cannot be sent to it")
    if transaction.sender is not None:
        balance = context.node.account(transaction.sender).balance
        if transaction.value > balance:
            raise RpcError(
                REFUSED,
                f"insufficient funds for transfer: balance {balance}, value {transaction.value}",
            )
    return quantity(intrinsic_gas(transaction.data))


@method("eth", example={}, result=[])
async def accounts(context: Context) -> list[results.Address]:
    """None: a node holds no one's keys."""
    del context
    return []


@method(
    "eth",
    example={"address": hex_of(examples.BOB), "storage_keys": [], "block": "latest"},
    result=examples.ACCOUNT_PROOF,
)
async def get_proof(
    context: Context,
    address: _Owner,
    storage_keys: Annotated[
        tuple[bytes, ...], forms.STORAGE_KEYS, "Slots; each is zero and needs no proof."
    ] = (),
    block: _At = LATEST,
) -> results.AccountProof:
    """What an account holds, with a proof against a certified header. The members are those of
    EIP-1186, the proof is this chain's own (docs/ethereum.md): it has no Merkle Patricia trie."""
    context.ethereum.require_head(block)
    account, found = context.node.account(address), context.node.prove_account(address)
    if found is None:
        raise RpcError(REFUSED, "header not found: there is no block yet")
    certificate = codec.encode(found.chain.certificate.to_wire())
    row = found.value or b""
    return {
        "address": hex_of(address),
        "balance": quantity(account.balance),
        "nonce": quantity(account.nonce),
        "codeHash": hex_of(EMPTY_CODE_HASH),
        "storageHash": hex_of(EMPTY_TRIE_ROOT),
        "accountProof": [
            hex_of(part) for part in (found.key, row, found.proof, found.chain.header, certificate)
        ],
        "storageProof": [
            {"key": hex_of(key), "value": quantity(0), "proof": []} for key in storage_keys
        ],
    }


METHODS = (
    get_balance,
    get_transaction_count,
    get_code,
    get_storage_at,
    call,
    estimate_gas,
    accounts,
    get_proof,
)
