"""poyong_*: proofs that `poyong verify` checks offline, from the validators of genesis."""

from typing import Annotated

from api import examples, parameters, results, views
from api.encoding import address as address_text
from api.encoding import hex_of
from api.errors import invalid_params
from api.registry import Context, method
from ledger.errors import PeerError
from ledger.primitives import Address


@method(
    "poyong",
    example={"account": address_text(examples.BOB)},
    result=views.state_proof(examples.STATE_PROOF),
)
async def get_proof(
    context: Context,
    account: Annotated[bytes | None, parameters.ADDRESS, "Prove this account's row."] = None,
    key: Annotated[
        bytes | None, parameters.STATE_KEY, "Prove this state key (docs/formats.md)."
    ] = None,
) -> results.StateProof | None:
    """Proof of what an account or a state key holds at the last committed height, or of its
    absence. Give exactly one of account and key. Null before the first block."""
    if account is not None and key is None:
        found = context.node.prove_account(account)
    elif key is not None and account is None:
        found = context.node.prove_state(key)
    else:
        count = "both" if account is not None else "none"
        raise invalid_params(
            f"poyong_getProof: expected exactly one of account and key, found {count}"
        )
    return None if found is None else views.state_proof(found)


@method(
    "poyong",
    example={"statement": "balance", "account": address_text(examples.BOB)},
    result=views.statement_proof(examples.STATEMENT_PROOF),
)
async def get_statement(
    context: Context,
    statement: Annotated[str, parameters.STATEMENT, "What to state."],
    account: Annotated[bytes | None, parameters.ADDRESS, "Of a balance: whose."] = None,
    number: Annotated[
        int | None,
        parameters.NUMBER,
        "Round of land_index and issuance, number of a proposal. Without it the newest.",
    ] = None,
) -> results.StatementProof | None:
    """Proof of a balance, the supply, the ceiling with every input of a round's mint, the land
    index of a round with its reports, or what became of a proposal, at the last committed height.
    A reader computes the answer from the proven rows (`poyong verify`). Null before the first
    block."""
    given = {
        "account": None if account is None else address_text(Address(account)),
        "number": number,
    }
    arguments = {name: value for name, value in given.items() if value is not None}
    try:
        found = context.node.prove_statement(statement, arguments)
    except PeerError as error:
        raise invalid_params(f"poyong_getStatement: {error}") from error
    return None if found is None else views.statement_proof(found)


@method(
    "poyong",
    example={"hash": hex_of(examples.TRANSACTION.hash)},
    result=views.transaction_proof(examples.TRANSACTION_PROOF),
)
async def get_transaction_proof(
    context: Context,
    hash: Annotated[bytes, parameters.HASH, "Hash of the transaction."],
) -> results.TransactionProof | None:
    """Proof that a transaction is in its block. Null until it is final."""
    found = context.node.prove_transaction(hash)
    return None if found is None else views.transaction_proof(found)


METHODS = (get_proof, get_statement, get_transaction_proof)
