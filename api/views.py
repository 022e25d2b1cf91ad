"""From the values of api.ports to JSON results. One function a result type; nothing is computed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, cast

from api import governance_results, ports, results
from api.encoding import address, from_hex, hex_of, plain
from api.view_ports import View
from governance.proposals.proposal_rows import MAX_BODY_BYTES
from ledger import codec
from ledger.block import CompactBlock, Header
from ledger.errors import DecodeError
from ledger.message_registry import Field, Kind, MessageRegistry
from ledger.module import Event
from ledger.registry import Certificate, Participation
from ledger.transaction import Transaction

GOVERNANCE_EVENTS: Final = ("proposals.", "stakeholders.")
"""How the names of events of the topic "governance" start."""


def status(value: ports.NodeStatus) -> results.Status:
    """Result of poyong_status."""
    role: Literal["validator", "observer"] = (
        "validator" if value.role == "validator" else "observer"
    )
    return {
        "version": value.version,
        "chain_id": value.chain_id,
        "genesis_hash": hex_of(value.genesis_hash),
        "role": role,
        "organisation": value.organisation,
        "height": value.height,
        "block_hash": hex_of(value.block_hash),
        "block_time_ms": value.block_time_ms,
        "lowest_height": value.lowest_height,
        "target_height": value.target_height,
        "syncing": value.target_height > value.height,
        "peers": value.peers,
        "mempool_transactions": value.mempool_transactions,
        "mempool_bytes": value.mempool_bytes,
        "upgrade": None if value.upgrade is None else upgrade(value.upgrade),
        "signing_key": None if value.signing_key is None else hex_of(value.signing_key),
        "rotation": None if value.rotation is None else rotation(value.rotation),
    }


def rotation(value: ports.KeyRotation) -> results.KeyRotation:
    """Keys that are replaced."""
    stages: Final[dict[str, Literal["waiting", "decided", "done", "missing"]]] = {
        "waiting": "waiting",
        "decided": "decided",
        "done": "done",
        "missing": "missing",
    }
    keys = (value.next_validator_key, value.next_node_key)
    validator_key, node_key = (None if key is None else hex_of(key) for key in keys)
    return {
        "stage": stages[value.stage],
        "next_validator_key": validator_key,
        "next_node_key": node_key,
        "since": value.since,
        "advice": value.advice,
    }


def upgrade(value: ports.UpgradePlan) -> results.UpgradePlan:
    """An upgrade to come."""
    return {
        "name": value.name,
        "height": value.height,
        "from_version": value.from_version,
        "below_version": value.below_version,
        "artefact_hash": hex_of(value.artefact_hash),
        "suffices": value.suffices,
    }


def certificate(value: Certificate) -> results.Certificate:
    """Result of poyong_getCertificate."""
    return {
        "height": value.height,
        "view": value.view,
        "block_hash": hex_of(value.block_hash),
        "seals": [{"validator": index, "signature": hex_of(seal)} for index, seal in value.seals],
    }


def participation(value: Participation) -> results.Participation:
    """What a block embeds about consensus, by index."""
    parent = value.certificate
    return {
        "parent_view": None if parent is None else parent.view,
        "parent_signers": [] if parent is None else [index for index, _ in parent.seals],
        "late_seals": [
            {"height": seal.height, "validator": seal.validator} for seal in value.late_seals
        ],
        "evidence": [
            {
                "phase": item.phase.name.lower(),
                "height": item.height,
                "view": item.view,
                "validator": item.validator,
            }
            for item in value.evidence
        ],
    }


def header(value: Header) -> results.Block:
    """A block by its header alone."""
    return {
        "height": value.height,
        "hash": hex_of(value.hash),
        "parent_hash": hex_of(value.parent_hash),
        "time_ms": value.time_ms,
        "proposer": value.proposer,
        "transactions_root": hex_of(value.transactions_root),
        "state_root": hex_of(value.state_root),
        "receipts_root": hex_of(value.receipts_root),
        "validators_hash": hex_of(value.validators_hash),
        "participation_root": hex_of(value.participation_root),
    }


def compact_block(value: CompactBlock) -> results.Block:
    """A block with its transactions by hash."""
    result = header(value.header)
    result["participation"] = participation(value.participation)
    result["transaction_count"] = len(value.transaction_hashes)
    result["transaction_hashes"] = [hex_of(item) for item in value.transaction_hashes]
    return result


def full_block(value: ports.CommittedBlock, messages: MessageRegistry) -> results.Block:
    """A block with everything."""
    result = compact_block(value.block.compact())
    height = value.block.height
    result["transactions"] = [
        transaction(ports.KnownTransaction(item, height, index), messages)
        for index, item in enumerate(value.block.transactions)
    ]
    result["receipts"] = [
        receipt(ports.FinalReceipt(item, height, index))
        for index, item in enumerate(value.receipts)
    ]
    result["hook_events"] = [event(item) for item in value.hook_events]
    return result


def block_at(node: ports.NodePort, height: int, detail: results.Detail) -> results.Block | None:
    """A committed block with as much of it as was asked for, or None."""
    if detail == "none":
        found = node.header(height)
        return None if found is None else header(found)
    if detail == "hashes":
        compact = node.compact_block(height)
        return None if compact is None else compact_block(compact)
    block = node.block(height)
    return None if block is None else full_block(block, node.messages)


def governance_events(value: ports.CommittedBlock) -> governance_results.GovernanceEvents:
    """What a block put on the record about proposals and stakeholders, hooks at their places."""
    found = [item for each in value.receipts for item in each.events] + list(value.hook_events)
    return {
        "height": value.block.height,
        "time_ms": value.block.header.time_ms,
        "block_hash": hex_of(value.block.hash),
        "events": [event(item) for item in found if item.name.startswith(GOVERNANCE_EVENTS)],
    }


def proposal(value: View, messages: MessageRegistry) -> View:
    """Result of poyong_getProposal: the node's view with each message by field name."""
    carried = cast(Sequence[Mapping[str, str]], value["messages"])
    return {**value, "messages": [_proposal_message(item, messages) for item in carried]}


def _proposal_message(
    item: Mapping[str, str], messages: MessageRegistry
) -> governance_results.ProposalMessage:
    body = codec.decode(from_hex(item["body"]), MAX_BODY_BYTES)
    return {
        "type": item["type"],
        "body": item["body"],
        "fields": body_fields(item["type"], body, messages),
    }


def transaction(value: ports.KnownTransaction, messages: MessageRegistry) -> results.Transaction:
    """Result of poyong_getTransaction."""
    signed = value.transaction
    return {
        "hash": hex_of(signed.hash),
        "sender": address(signed.sender),
        "nonce": signed.nonce,
        "message_type": signed.type,
        "fields": message_fields(signed, messages),
        "fee": signed.fee,
        "valid_until": signed.valid_until,
        "raw": hex_of(signed.raw),
        "height": value.height,
        "index": value.index,
    }


def message_fields(signed: Transaction, messages: MessageRegistry) -> results.View | None:
    """The body by field name, or None for a type or body that this chain does not know."""
    return body_fields(signed.type, signed.body, messages)


def body_fields(name: str, body: object, messages: MessageRegistry) -> results.View | None:
    """message_fields() of a decoded body of the message type called `name`."""
    message_type = messages.find(name)
    if message_type is None:
        return None
    try:
        values = message_type.decode(body)
    except DecodeError:
        return None  # final all the same: its receipt says INVALID_MESSAGE
    return {
        field.name: field_value(field, value)
        for field, value in zip(message_type.fields, values, strict=True)
    }


def field_value(field: Field, value: Any) -> object:
    """JSON form of a handler's value, by the kind of its field."""
    match field.kind:
        case Kind.ADDRESS:
            return address(value)
        case Kind.AMOUNT:
            return str(value)
        case Kind.HASH | Kind.BYTES:
            return hex_of(value)
        case Kind.OPTIONAL_HASH:
            return hex_of(value) if value else None
        case Kind.LIST if len(field.items) == 1:
            return [field_value(field.items[0], item) for item in value]
        case Kind.LIST:
            return [
                {
                    part.name: field_value(part, each)
                    for part, each in zip(field.items, item, strict=True)
                }
                for item in value
            ]
        case _:
            return value


def event(value: Event) -> results.Event:
    """An event on the record."""
    return {"name": value.name, "values": {name: plain(item) for name, item in value.values}}


def receipt(value: ports.FinalReceipt) -> results.Receipt:
    """Result of poyong_getReceipt."""
    return {
        "transaction_hash": hex_of(value.receipt.transaction_hash),
        "height": value.height,
        "index": value.index,
        "code": int(value.receipt.code),
        "status": value.receipt.code.name,
        "reason": value.receipt.reason,
        "events": [event(item) for item in value.receipt.events],
    }


def account(value: ports.AccountState) -> results.Account:
    """Result of poyong_getAccount."""
    return {
        "address": address(value.address),
        "balance": str(value.balance),
        "nonce": value.nonce,
        "pending_nonce": value.pending_nonce,
        "height": value.height,
    }


def chain_proof(value: ports.ChainProof) -> results.ChainProof:
    """The certified header of a proof; certificates and sets in their canonical encoding."""
    return {
        "height": value.certificate.height,
        "header": hex_of(value.header),
        "certificate": hex_of(codec.encode(value.certificate.to_wire())),
        "set_changes": [
            {
                "header": hex_of(change.header),
                "certificate": hex_of(codec.encode(change.certificate.to_wire())),
                "validators": hex_of(codec.encode(change.validators.to_wire())),
            }
            for change in value.set_changes
        ],
    }


def state_proof(value: ports.StateProof) -> results.StateProof:
    """Result of poyong_getProof."""
    return {
        "kind": "state",
        "chain": chain_proof(value.chain),
        "key": hex_of(value.key),
        "value": None if value.value is None else hex_of(value.value),
        "proof": hex_of(value.proof),
    }


def statement_proof(value: ports.StatementProof) -> results.StatementProof:
    """Result of poyong_getStatement."""
    return {
        "kind": "statement",
        "chain": chain_proof(value.chain),
        "statement": value.statement,
        "arguments": dict(value.arguments),
        "rows": [
            {
                "key": hex_of(row.key),
                "value": None if row.value is None else hex_of(row.value),
                "proof": hex_of(row.proof),
            }
            for row in value.rows
        ],
    }


def transaction_proof(value: ports.TransactionProof) -> results.TransactionProof:
    """Result of poyong_getTransactionProof."""
    return {
        "kind": "transaction",
        "chain": chain_proof(value.chain),
        "transaction": hex_of(value.transaction),
        "index": value.index,
        "proof": hex_of(value.proof),
    }


def validators(value: ports.Validators) -> results.Validators:
    """Result of poyong_validators."""
    return {
        "height": value.height,
        "hash": hex_of(value.hash),
        "quorum": value.quorum,
        "members": [
            {
                "index": member.index,
                "organisation": member.organisation,
                "public_key": hex_of(member.public_key),
                "node_key": hex_of(member.node_key),
                "last_signed_height": member.last_signed_height,
                "eligible": member.eligible,
            }
            for member in value.members
        ],
    }


def consensus_state(value: ports.ConsensusState) -> results.ConsensusState:
    """Result of poyong_consensusState."""
    return {
        "height": value.height,
        "view": value.view,
        "phase": value.phase,
        "proposer": value.proposer,
        "proposal_hash": None if value.proposal_hash is None else hex_of(value.proposal_hash),
        "prepared_by": list(value.prepared_by),
        "committed_by": list(value.committed_by),
        "view_changes_by": list(value.view_changes_by),
        "quorum": value.quorum,
        "timed_views": value.timed_views,
        "signing": value.signing,
    }


def peers(values: Sequence[ports.Peer]) -> list[results.Peer]:
    """Result of poyong_peers."""
    return [
        {
            "node_key": hex_of(value.node_key),
            "organisation": value.organisation,
            "validator": value.validator,
            "address": value.address,
            "outbound": value.outbound,
            "connected_ms": value.connected_ms,
            "height": value.height,
            "round_trip_ms": value.round_trip_ms,
            "send_queue_bytes": value.send_queue_bytes,
        }
        for value in values
    ]


def stall_report(value: ports.StallReport) -> results.StallReport:
    """Result of poyong_whyStalled."""
    return {
        "stalled": value.stalled,
        "last_commit_ms": value.last_commit_ms,
        "causes": [{"finding": cause.finding, "remedy": cause.remedy} for cause in value.causes],
    }
