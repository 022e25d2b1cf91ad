"""Messages of the next height, kept until it starts (rule 7).

One slot for each validator, view and phase; one PrePrepare and one ViewChange for each validator.
Only verified messages get in; what finds no slot is not remembered, so its retransmission counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from consensus.messages import CertifiedBlock, Message, PrePrepare, ViewChangeMessage
from consensus.votes import VoteBook


@dataclass(slots=True)
class NextHeight:
    """Slots for the height above the running one."""

    votes: VoteBook = field(default_factory=VoteBook)
    pre_prepares: dict[int, PrePrepare] = field(default_factory=dict)
    view_changes: dict[int, ViewChangeMessage] = field(default_factory=dict)
    block: CertifiedBlock | None = None

    def messages(self) -> Iterator[Message]:
        """Everything held, in the order in which a started height can use it."""
        if self.block is not None:
            yield self.block
        yield from self.view_changes.values()
        yield from self.pre_prepares.values()
        yield from self.votes.all()
