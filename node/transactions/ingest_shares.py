"""What waits to be verified, by origin: values that node.transactions.ingest moves."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from api.ports import SubmitOutcome
from ledger.transaction import Transaction


@dataclass(slots=True)
class Job:
    """Transactions that came together; `outcomes` is filled position by position.

    undecodable: how many could not be decoded; problem: what was wrong with the last of them.
    """

    transactions: list[Transaction | None] = field(default_factory=list)
    outcomes: list[SubmitOutcome | None] = field(default_factory=list)
    done: asyncio.Future[None] | None = None
    undecodable: int = 0
    problem: str = ""
    next: int = 0
    admitted: list[Transaction] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Share:
    """What waits of one origin, in order of arrival. peer: None for clients."""

    peer: bytes | None = None
    jobs: deque[Job] = field(default_factory=deque)
    waiting: int = 0
