"""A chain that goes on from the state of another one: what its genesis document says of that.

Rows of every module are carried over byte for byte, but for those of the validators module: they
speak of heights, seals and members of the old chain, and the new document names the new members
(docs/adr/0012-a-restart-is-a-new-chain.md). So no other module may keep heights in its rows.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ledger.errors import LocalError
from ledger.primitives import Hash
from ledger.strict_json import JsonReader
from ledger.validators import ValidatorsModule

CONSENSUS_PREFIX: Final = f"{ValidatorsModule.name}/".encode()
"""Of the rows that are not carried over."""
REPLACEABLE_SECTIONS: Final = frozenset({"governance"})
"""Modules whose section may be given anew, written over the carried rows: the keys of who decides
may be gone together with the validators."""
MAX_NUMBER: Final = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly."""

_NUMBERS: Final = ("chain_id", "height", "time_ms")
_HASHES: Final = ("genesis_hash", "block_hash", "state_file_hash", "state_root")

Rows = Iterable[tuple[bytes, bytes]]
"""(key, value), ascending by key."""
RowSource = Callable[[], Rows]
"""Opens the rows of the old state anew; iterating raises LocalError when they are not intact."""


@dataclass(frozen=True, slots=True)
class Restart:
    """The old chain's head, and what is carried over from it.

    chain_id, genesis_hash: of the old chain. height, block_hash, time_ms: of its head.
    state_file_hash: SHA-256 of the whole exported file. state_root: of the new chain's height 0,
    so that its genesis hash follows from the document without the rows.
    """

    chain_id: int
    genesis_hash: Hash
    height: int
    block_hash: Hash
    time_ms: int
    state_file_hash: Hash
    state_root: Hash

    def document(self) -> dict[str, Any]:
        """The section `restart` of a genesis document."""
        return {
            "chain_id": self.chain_id,
            "genesis_hash": self.genesis_hash.hex(),
            "height": self.height,
            "block_hash": self.block_hash.hex(),
            "time_ms": self.time_ms,
            "state_file_hash": self.state_file_hash.hex(),
            "state_root": self.state_root.hex(),
        }


def read_restart(reader: JsonReader, value: object) -> Restart:
    """Inverse of Restart.document; LocalError names the wrong field."""
    fields = reader.fields(value, "restart", required=(*_NUMBERS, *_HASHES))
    chain_id, height, time_ms = (
        reader.integer(fields[name], f"restart.{name}", 1, MAX_NUMBER) for name in _NUMBERS
    )
    hashes = {name: reader.hash(fields[name], f"restart.{name}") for name in _HASHES}
    return Restart(chain_id=chain_id, height=height, time_ms=time_ms, **hashes)


def require_sound(
    restart: Restart, source: str, chain_id: int, time_ms: int, sections: Collection[str]
) -> None:
    """LocalError unless a document with these values may go on from the old chain's head.

    A higher chain id was used by no chain before it, so no transaction that was signed for one of
    them can be executed on the new one. Block time goes on: modules keep deadlines by it.
    """
    if chain_id <= restart.chain_id:
        raise LocalError(
            f"{source}: chain_id: expected more than {restart.chain_id}, the old chain's, found "
            f"{chain_id}: what was signed for the old chain must not count on the new one"
        )
    if time_ms <= restart.time_ms:
        raise LocalError(
            f"{source}: time_ms: expected more than {restart.time_ms}, the time of the old chain's "
            f"head, found {time_ms}"
        )
    if fixed := sorted(set(sections) - REPLACEABLE_SECTIONS):
        raise LocalError(
            f"{source}: modules: {fixed[0]:.60} cannot be given in a restart, which carries the "
            f"rows of the old chain over; only {', '.join(REPLACEABLE_SECTIONS)} can"
        )


def carried(rows: Rows, modules: Collection[str]) -> Iterator[tuple[bytes, bytes]]:
    """The rows that go on; LocalError for one of a module that is not among `modules`."""
    known = {name.encode() for name in modules}
    for key, value in rows:
        module = key.partition(b"/")[0]
        if module not in known:
            raise LocalError(
                f"the exported state has a row of module {module!r:.60}, which this release lacks: "
                "use the release that exported it, or a newer one"
            )
        if not key.startswith(CONSENSUS_PREFIX):
            yield key, value
