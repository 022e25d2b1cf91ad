"""JSON-RPC calls as values, typed by their result: what both clients send, alone or in batches.

    block = await client.call(calls.get_block(5, detail="full"))
    receipts = await client.batch([calls.get_receipt(item) for item in hashes])

Bytes, hex text and addresses are taken as they come. Every call here is safe to repeat: most only
read, and the node answers the same signed transaction with the same hash, waiting or final, since
its nonce lets it count once.
"""

from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar, overload

from api import (
    fact_results,
    governance_results,
    history_results,
    land_results,
    pool_results,
    results,
)
from api.encoding import hex_of

T_co = TypeVar("T_co", covariant=True)

BytesLike = bytes | str
"""Bytes, or the same as 0x hex."""


REPEATABLE_SPACES: Final = ("poyong_", "eth_", "net_", "web3_", "rpc.")
NOT_REPEATABLE: Final = frozenset(
    {
        "eth_getFilterChanges",
        "eth_newBlockFilter",
        "eth_newFilter",
        "eth_newPendingTransactionFilter",
        "eth_subscribe",
        "eth_uninstallFilter",
        "eth_unsubscribe",
        "poyong_subscribe",
        "poyong_unsubscribe",
    }
)
"""Methods that do something each time, or say each thing once."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """One call of `method` with params by name. Its result, if any, is a T_co."""

    method: str
    params: dict[str, Any]

    @property
    def repeatable(self) -> bool:
        """Whether a client may send it again without knowing what became of the first; of a method
        that no node of ours has, it may not."""
        return self.method.startswith(REPEATABLE_SPACES) and self.method not in NOT_REPEATABLE


def _hex(value: BytesLike) -> str:
    return hex_of(value) if isinstance(value, bytes) else value


def _block(value: int | BytesLike) -> int | str:
    return value if isinstance(value, int) else _hex(value)


def _given(**params: object) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def status() -> Call[results.Status]:
    """poyong_status."""
    return Call("poyong_status", {})


def get_genesis() -> Call[results.GenesisDocument]:
    """poyong_getGenesis."""
    return Call("poyong_getGenesis", {})


def get_block(
    block: int | BytesLike = "latest", detail: results.Detail = "hashes"
) -> Call[results.Block | None]:
    """poyong_getBlock."""
    return Call("poyong_getBlock", {"block": _block(block), "detail": detail})


def get_certificate(block: int | BytesLike = "latest") -> Call[results.Certificate | None]:
    """poyong_getCertificate."""
    return Call("poyong_getCertificate", {"block": _block(block)})


def get_transaction(hash: BytesLike) -> Call[results.Transaction | None]:
    """poyong_getTransaction."""
    return Call("poyong_getTransaction", {"hash": _hex(hash)})


def get_receipt(hash: BytesLike) -> Call[results.Receipt | None]:
    """poyong_getReceipt."""
    return Call("poyong_getReceipt", {"hash": _hex(hash)})


def get_account(address: BytesLike) -> Call[results.Account]:
    """poyong_getAccount."""
    return Call("poyong_getAccount", {"address": _hex(address)})


def get_account_history(
    account: BytesLike,
    cursor: str | None = None,
    limit: int | None = None,
    order: Literal["newest", "oldest"] | None = None,
) -> Call[history_results.HistoryPage]:
    """poyong_getAccountHistory: a page; next_cursor asks for the one that follows."""
    return Call(
        "poyong_getAccountHistory",
        _given(account=_hex(account), cursor=cursor, limit=limit, order=order),
    )


def search(text: str) -> Call[list[history_results.Found]]:
    """poyong_search."""
    return Call("poyong_search", {"text": text})


def send_transaction(transaction: BytesLike) -> Call[str]:
    """poyong_sendTransaction: the hash, once it is in the mempool."""
    return Call("poyong_sendTransaction", {"transaction": _hex(transaction)})


def send_transaction_and_wait(
    transaction: BytesLike, timeout_ms: int | None = None
) -> Call[results.Receipt]:
    """poyong_sendTransactionAndWait: the receipt, once it is final."""
    return Call(
        "poyong_sendTransactionAndWait",
        _given(transaction=_hex(transaction), timeout_ms=timeout_ms),
    )


def get_proof(
    account: BytesLike | None = None, key: BytesLike | None = None
) -> Call[results.StateProof | None]:
    """poyong_getProof: of an account's row or of a state key."""
    return Call(
        "poyong_getProof",
        _given(
            account=None if account is None else _hex(account),
            key=None if key is None else _hex(key),
        ),
    )


def get_statement(
    statement: str, account: BytesLike | None = None, number: int | None = None
) -> Call[results.StatementProof | None]:
    """poyong_getStatement: what api.light proves and api.statements reads."""
    return Call(
        "poyong_getStatement",
        _given(
            statement=statement,
            account=None if account is None else _hex(account),
            number=number,
        ),
    )


def get_transaction_proof(hash: BytesLike) -> Call[results.TransactionProof | None]:
    """poyong_getTransactionProof."""
    return Call("poyong_getTransactionProof", {"hash": _hex(hash)})


def validators(height: int | None = None) -> Call[results.Validators | None]:
    """poyong_validators."""
    return Call("poyong_validators", _given(height=height))


def consensus_state() -> Call[results.ConsensusState]:
    """poyong_consensusState."""
    return Call("poyong_consensusState", {})


def peers() -> Call[list[results.Peer]]:
    """poyong_peers."""
    return Call("poyong_peers", {})


def why_stalled() -> Call[results.StallReport]:
    """poyong_whyStalled."""
    return Call("poyong_whyStalled", {})


def get_zones() -> Call[list[land_results.Zone]]:
    """poyong_getZones."""
    return Call("poyong_getZones", {})


def get_round(zone: str, number: int | None = None) -> Call[land_results.Round | None]:
    """poyong_getRound."""
    return Call("poyong_getRound", _given(zone=zone, number=number))


def get_land_index() -> Call[land_results.LandIndex]:
    """poyong_getLandIndex."""
    return Call("poyong_getLandIndex", {})


def list_rounds(first: int, count: int) -> Call[list[land_results.ListedRound]]:
    """poyong_listRounds: at most 256 a call."""
    return Call("poyong_listRounds", {"first": first, "count": count})


@overload
def get_issuance() -> Call[land_results.Issuance]: ...
@overload
def get_issuance(round: int | None) -> Call[land_results.Issuance | None]: ...
def get_issuance(round: int | None = None) -> Call[Any]:
    """poyong_getIssuance: None only for a round that is named and not settled."""
    return Call("poyong_getIssuance", _given(round=round))


def get_rates(region: str | None = None) -> Call[fact_results.Rates]:
    """poyong_getRates."""
    return Call("poyong_getRates", _given(region=region))


def get_zone_events(zone: str) -> Call[list[fact_results.ZoneEvent] | None]:
    """poyong_getZoneEvents."""
    return Call("poyong_getZoneEvents", {"zone": zone})


def get_sales(round: int | None = None) -> Call[fact_results.Sales | None]:
    """poyong_getSales."""
    return Call("poyong_getSales", _given(round=round))


def get_roles(role: str | None = None) -> Call[list[fact_results.RoleHolders]]:
    """poyong_getRoles."""
    return Call("poyong_getRoles", _given(role=role))


def get_appraisers() -> Call[fact_results.Appraisers]:
    """poyong_getAppraisers."""
    return Call("poyong_getAppraisers", {})


def get_pools() -> Call[pool_results.Pools | None]:
    """poyong_getPools."""
    return Call("poyong_getPools", {})


def get_position(account: BytesLike) -> Call[pool_results.Position | None]:
    """poyong_getPosition."""
    return Call("poyong_getPosition", {"account": _hex(account)})


def list_proposals(
    state: str | None = None, before: int | None = None, count: int | None = None
) -> Call[governance_results.ProposalPage]:
    """poyong_listProposals: at most 100 a call, newest first."""
    return Call("poyong_listProposals", _given(state=state, before=before, count=count))


def get_proposal(number: int) -> Call[governance_results.Proposal | None]:
    """poyong_getProposal."""
    return Call("poyong_getProposal", {"number": number})


def get_tally(number: int) -> Call[governance_results.Tally | None]:
    """poyong_getTally."""
    return Call("poyong_getTally", {"number": number})


def get_chambers() -> Call[list[governance_results.ChamberSeats]]:
    """poyong_getChambers."""
    return Call("poyong_getChambers", {})


def list_organisations(
    after: str | None = None, count: int | None = None
) -> Call[list[governance_results.Organisation]]:
    """poyong_listOrganisations: at most 256 a call, by id."""
    return Call("poyong_listOrganisations", _given(after=after, count=count))


def get_person(account: BytesLike) -> Call[governance_results.PersonRecord | None]:
    """poyong_getPerson."""
    return Call("poyong_getPerson", {"account": _hex(account)})


def list_agreements(
    after: int | None = None, count: int | None = None
) -> Call[list[governance_results.Agreement]]:
    """poyong_listAgreements: at most 256 a call."""
    return Call("poyong_listAgreements", _given(after=after, count=count))


def list_legal_bases(
    after: int | None = None, count: int | None = None
) -> Call[list[governance_results.LegalBasis]]:
    """poyong_listLegalBases: at most 256 a call."""
    return Call("poyong_listLegalBases", _given(after=after, count=count))


def list_challenge_petitions(
    after: int | None = None, count: int | None = None
) -> Call[list[governance_results.ChallengePetition]]:
    """poyong_listChallengePetitions: at most 256 a call."""
    return Call("poyong_listChallengePetitions", _given(after=after, count=count))


def get_params(
    module: str | None = None, name: str | None = None, changes: int | None = None
) -> Call[list[governance_results.Parameter]]:
    """poyong_getParams: with at most 1000 changes of each module."""
    return Call("poyong_getParams", _given(module=module, name=name, changes=changes))


def get_council() -> Call[governance_results.Council | None]:
    """poyong_getCouncil."""
    return Call("poyong_getCouncil", {})


def discover() -> Call[results.View]:
    """rpc.discover."""
    return Call("rpc.discover", {})
