"""Nothing of a person is on the chain: salt and record can be destroyed, and every proof stands."""

import json

from governance.chambers import CHAMBER_LANDOWNERS
from governance.stakeholders import membership, stakeholder_views
from governance.stakeholders.credentials import CREDENTIALS, GRANT, REVOKE, commitment, nullifier
from governance.stakeholders.rebinding import PROPOSE
from governance.stakeholders.stakeholders import StakeholdersModule
from ledger.block import Block
from ledger.crypto import checksum_address, ed25519_address, sha256
from ledger.errors import ErrorCode
from ledger.executor import ExecutedBlock
from ledger.proofs import prove_receipt, prove_state, verify_receipt, verify_state
from tests.support.ledger_chain import RICH, LedgerChain, genesis_document, parsed, standard_modules
from tests.support.stakeholder_town import EVIDENCE, account

RECORD = {
    "name": "김하나",
    "name_en": "Kim Hana",
    "born": "1970-01-01",
    "resident_number": "700101-2345678",
    "address": "광주광역시 광산구 월출동 12-3",
    "parcel": "2917013900100120003",
}
SALT = sha256(b"32 bytes of chance")
SHARED_KEY = sha256(b"the registrars' key")
WHO, NEW = account("kim"), account("new")


def new_chain() -> LedgerChain:
    """A chain with one registrar, who waits a millisecond for objections."""
    document = genesis_document(1)
    registrar = checksum_address(ed25519_address(RICH.public_key))
    document["modules"]["stakeholders"] = {
        "registrars": [registrar],
        "parameters": {"objection_ms": 1},
    }
    return LedgerChain(1, [*standard_modules(), StakeholdersModule()], parsed(document))


def chain_with_a_person() -> LedgerChain:
    """A registrar grants a credential, re-binds it and revokes it."""
    chain = new_chain()
    record = json.dumps(RECORD, ensure_ascii=False).encode()
    identity = RECORD["resident_number"].encode()
    for message, values in (
        (
            GRANT,
            (WHO, CHAMBER_LANDOWNERS, commitment(SALT, record), nullifier(SHARED_KEY, identity)),
        ),
        (PROPOSE, (WHO, NEW, EVIDENCE)),
    ):
        chain.add([chain.signed(RICH, message.name, message.encode(*values))])
    chain.add()
    chain.add([chain.signed(RICH, REVOKE.name, REVOKE.encode(NEW, 2))])
    codes = [receipt.code for executed in chain.executed for receipt in executed.receipts]
    assert codes == [ErrorCode.OK] * 3
    return chain


def everything_public(chain: LedgerChain) -> bytes:
    """State rows, blocks, receipts and events, and what views show, as one string of bytes."""
    rows = [part for row in chain.store.iterate(b"", b"\xff") for part in row]
    blocks = [bytes(str(block).encode()) for block in chain.blocks]
    bodies = [repr(item.body).encode() for block in chain.blocks for item in block.transactions]
    events = [leaf for executed in chain.executed for leaf in executed.receipt_leaves]
    view = json.dumps(stakeholder_views.person(chain.state, NEW), ensure_ascii=False).encode()
    return b"\n".join((*rows, *blocks, *bodies, *events, view))


def test_no_field_of_the_record_appears_in_state_events_or_views() -> None:
    public = everything_public(chain_with_a_person())
    committed: bytes = commitment(SALT, json.dumps(RECORD, ensure_ascii=False).encode())
    assert committed in public
    for value in RECORD.values():
        raw = value.encode()
        found: tuple[bytes, ...] = (raw, raw.hex().encode(), sha256(raw))
        assert not [item for item in found if item in public], value
    secrets: tuple[bytes, ...] = (SALT, SHARED_KEY, sha256(SALT))
    for secret in secrets:
        assert secret not in public
        assert secret.hex().encode() not in public


def proofs_stand(chain: LedgerChain, block: Block, executed: ExecutedBlock) -> bool:
    """Every row of the state and every receipt of a block verifies, from the chain alone."""
    root = block.header.state_root
    return all(
        verify_state(root, key, value, prove_state(chain.commitment, key))
        for key, value in chain.store.iterate(b"a", b"~")
    ) and all(
        verify_receipt(block.header, receipt, prove_receipt(executed.receipt_leaves, index))
        for index, receipt in enumerate(executed.receipts)
    )


def test_salt_and_record_destroyed_every_proof_still_verifies() -> None:
    """Nothing after the first line is computed from salt or record: they are gone by then."""
    chain = chain_with_a_person()
    head, executed = chain.blocks[-1], chain.executed[-1]
    assert proofs_stand(chain, head, executed)
    member = membership.member_id(chain.state, NEW)
    assert member is not None
    key = CREDENTIALS.prefix + member
    row = chain.state.get(CREDENTIALS, member)
    assert row is not None
    proof = prove_state(chain.commitment, key)
    assert verify_state(head.header.state_root, key, CREDENTIALS.encode(row), proof)
    assert membership.was_member(chain.state, NEW, CHAMBER_LANDOWNERS, 1)
    # A node that replays the chain from genesis needs neither of them.
    replay = new_chain()
    for block in chain.blocks[1:]:
        replay.add(block.transactions)
    assert replay.blocks[-1].header.state_root == head.header.state_root
