"""A node whose validator key is a candidate's shows by itself that it follows the chain.

Rule 10 counts a new key as alive once three of its probes are on the chain. The node sends them
while the key is on an organisation's record and not yet in the set, or is the next key of a node
whose present key is in the set; and renews them in time, so that they are still young when the
change is carried out, whenever that is.
"""

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final

import structlog

from api import ports
from governance.stakeholders import organisations
from governance.stakeholders.organisations import KEY_OWNERS, OrganisationStatus
from ledger import accounts
from ledger.block import Block
from ledger.crypto import ed25519_address
from ledger.set_changes import PROBE, PROBE_LIFETIME
from ledger.state import State
from ledger.transaction import Draft, Transaction
from ledger.validator_tables import PROBES, PROBES_NEEDED, set_at
from node.signing.ring import KeyRing

RENEWED_AFTER: Final = PROBE_LIFETIME * 3 // 4
"""Heights after which a probe is replaced: there is time for three before it counts no longer."""
VALID_HEIGHTS: Final = 64
"""For which a probe waits to be included; the root that it names is known for longer."""
MAX_LAG: Final = 8
"""Heights by which a node that follows a busy chain may be behind."""

log = structlog.get_logger(__name__)


def is_successor(state: State, keys: Sequence[bytes], public_key: bytes, height: int) -> bool:
    """Whether a key is to take the place of this node's present one, which votes; `height` is the
    state's. keys: this node's, the present one first."""
    coming = set_at(state, height + 2)
    return (
        public_key in keys[1:]
        and coming.index_of(public_key) is None
        and coming.index_of(keys[0]) is not None
    )


def is_candidate(state: State, public_key: bytes, height: int) -> bool:
    """Whether a key is on the record of an active organisation as its validator's, and in no set
    that is decided; `height` is the state's."""
    if set_at(state, height + 2).index_of(public_key) is not None:
        return False
    owner = state.get(KEY_OWNERS, public_key)
    row = None if owner is None else organisations.find(state, owner.organisation)
    return (
        row is not None
        and row.status is OrganisationStatus.ACTIVE
        and row.validator_key == public_key
    )


def needs_probe(state: State, public_key: bytes, height: int) -> bool:
    """Whether a candidate has fewer than three probes that will count for a while yet."""
    probes = state.get(PROBES, public_key) or ()
    young = sum(at + RENEWED_AFTER >= height for at in probes)
    return young < PROBES_NEEDED and height > max(probes, default=0)


def probe_of(chain_id: int, state: State, block: Block, public_key: bytes) -> Draft:
    """The probe of the last applied block, whose state is `state`; the key has still to sign it."""
    return Draft(
        chain_id=chain_id,
        nonce=accounts.nonce(state, ed25519_address(public_key)),
        type=PROBE.name,
        body=PROBE.encode(public_key, block.height, block.header.state_root),
        valid_until=block.height + VALID_HEIGHTS,
    )


Submit = Callable[[list[bytes]], Coroutine[Any, Any, list[ports.SubmitOutcome]]]


class Candidacy:
    """Sends one probe of a key at a time; the next when that one is on the chain or has waited in
    vain."""

    def __init__(
        self,
        ring: KeyRing,
        chain_id: int,
        state: Callable[[], State],
        lag: Callable[[], int],
        submit: Submit,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """state: that of the head. lag: heights by which this node is behind the others. submit: to
        the node's own mempool and the peers. spawn: runs it beside the replica."""
        self._ring = ring
        self._chain_id = chain_id
        self._state = state
        self._lag = lag
        self._submit = submit
        self._spawn = spawn
        self._waits_until: dict[bytes, int] = {}

    def on_block(self, block: Block) -> None:
        """A block became the head: probe it with each key that lacks one."""
        keys = self._ring.public_keys
        self._waits_until = {key: it for key, it in self._waits_until.items() if key in keys}
        for key in keys:
            self._look(block, keys, key)

    def _look(self, block: Block, keys: Sequence[bytes], key: bytes) -> None:
        state, height = self._state(), block.height
        if any(item.sender == ed25519_address(key) for item in block.transactions):
            self._waits_until.pop(key, None)
        if height < self._waits_until.get(key, 0) or self._lag() > MAX_LAG:
            return
        wanted = is_candidate(state, key, height) or is_successor(state, keys, key, height)
        if wanted and needs_probe(state, key, height):
            self._waits_until[key] = height + VALID_HEIGHTS
            probe = probe_of(self._chain_id, state, block, key)
            signed = partial(self._signed, probe, key, height)
            # Of a signer that is away the probe is asked for as long as its height runs.
            self._ring.sign(key, height + 1, probe.signing_bytes(key), signed)

    def _signed(self, probe: Draft, key: bytes, height: int, signature: bytes) -> None:
        self._spawn(self._send(probe.signed(key, signature), height))

    async def _send(self, probe: Transaction, height: int) -> None:
        (outcome,) = await self._submit([probe.raw])
        if isinstance(outcome, ports.Refusal):
            log.warning("candidacy.probe_refused", height=height, reason=outcome.detail)
        else:
            log.info("candidacy.probed", height=height)
