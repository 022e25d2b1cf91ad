"""How many calls a method counts as, against the budget of a client. One that is not named is one.

A call of one costs about as much as eth_getBalance. What can take long by its parameters counts as
what it may take: whoever asks for little pays the same, which keeps the check before the work.
"""

from collections.abc import Mapping
from typing import Final

COSTS: Final[Mapping[str, int]] = {
    # Verifying a signature.
    "poyong_sendTransaction": 2,
    "poyong_sendTransactionAndWait": 2,
    "eth_sendRawTransaction": 2,
    "eth_sendRawTransactionSync": 2,
    # Whole blocks, which may have to be read from disk and decoded.
    "poyong_getBlock": 5,
    "poyong_getGenesis": 20,
    "poyong_getTransaction": 2,
    "poyong_getReceipt": 2,
    "eth_getBlockByHash": 5,
    "eth_getBlockByNumber": 5,
    "eth_getBlockReceipts": 20,
    "eth_getBlockTransactionCountByHash": 2,
    "eth_getBlockTransactionCountByNumber": 2,
    "eth_getTransactionByHash": 2,
    "eth_getTransactionReceipt": 2,
    "eth_getTransactionByBlockHashAndIndex": 5,
    "eth_getTransactionByBlockNumberAndIndex": 5,
    "eth_feeHistory": 10,
    # A range of blocks.
    "eth_getLogs": 50,
    "eth_getFilterLogs": 50,
    "eth_getFilterChanges": 10,
    # Proofs, and every validator-set change since genesis with them.
    "poyong_getProof": 10,
    "poyong_getStatement": 50,
    "poyong_getTransactionProof": 10,
    "eth_getProof": 10,
    # Views of many rows.
    "eth_call": 5,
    "poyong_validators": 5,
    "poyong_whyStalled": 5,
    "poyong_getZones": 5,
    "poyong_getAccountHistory": 20,
    "poyong_search": 10,
    "poyong_getParams": 10,
    "poyong_listRounds": 10,
    "poyong_getRates": 5,
    "poyong_getSales": 5,
    "poyong_getAppraisers": 5,
    "poyong_getPools": 5,
    "poyong_listProposals": 10,
    "poyong_getProposal": 5,
    "poyong_getTally": 5,
    "poyong_listOrganisations": 10,
    "poyong_listAgreements": 10,
    "poyong_listLegalBases": 10,
    # Half a megabyte hashed, or sent.
    "web3_sha3": 10,
    "rpc.discover": 20,
    # What lasts.
    "poyong_subscribe": 10,
    "eth_subscribe": 10,
    "eth_newFilter": 5,
}


def cost_of(method: str) -> int:
    """How many calls a call of this method counts as."""
    return COSTS.get(method, 1)
