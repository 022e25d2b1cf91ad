"""poyong_*: proofs that `poyong verify` checks offline, from the validators of genesis."""

from typing import Annotated

from api import examples, parameters, results, views
from api.encoding import address as address_text
from api.encoding import hex_of
from api.errors import invalid_params
from api.registry import Context, method


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


METHODS = (get_proof, get_transaction_proof)
