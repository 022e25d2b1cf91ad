"""What was seen on the chain, step by step."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final

STEPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "day_one": "no persons on day one: their chambers are vacant, class D is impossible",
        "persons_seated": "the first persons are registered and their chambers seated",
        "ordinance": "the ordinance is registered as a legal basis",
        "fifth_admitted": "a fifth organisation is registered and its node admitted",
        "fifth_synced": "its node has every block",
        "fifth_ready": "its node has proved by three probes that it follows",
        "fifth_votes": "it is a validator and its seal is in certificates",
        "lambda_lowered": "lambda is lowered after issuance; issued stays within the ceiling",
        "recusal": "land corporation and builders have no vote on a zone event",
        "delegation": "a delegate's vote counts for two",
        "petition": "persons petition, and the chambers agree",
        "recall": "persons recall a queued action, and it is rejected",
        "pause_ended": "an emergency pause of minting ends by itself",
        "signed_twice": "a validator that signed twice is suspended",
        "suspension_decided": "a vote lifts the suspension",
        "upgrade": "an upgrade is executed at its height",
    }
)
"""Every step of the scenario and what it shows, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One step that was read back from the chain. height: of the block in which it happened.

    proposal: its number, None where nothing was voted on. tally: the vote that decided, in short.
    """

    name: str
    height: int
    what: str
    proposal: int | None = None
    tally: Mapping[str, Any] | None = None


_UNSEEN: Final = MappingProxyType(dict.fromkeys(("height", "what", "proposal", "tally")))


class Record:
    """The steps seen so far; `told` hears of each."""

    def __init__(self, told: Callable[[Seen], None]) -> None:
        self._told = told
        self._seen: dict[str, Seen] = {}
        self.problems: list[str] = []
        """Why steps were not seen, in sentences."""

    def saw(
        self,
        name: str,
        height: int,
        what: str,
        *,
        proposal: int | None = None,
        tally: Mapping[str, Any] | None = None,
    ) -> None:
        """A step was seen; `name` is one of STEPS."""
        seen = Seen(name, height, what, proposal, tally)
        self._seen[name] = seen
        self._told(seen)

    @property
    def missing(self) -> list[str]:
        """Steps that were not seen."""
        return [name for name in STEPS if name not in self._seen]

    def steps(self) -> list[dict[str, Any]]:
        """Each step in order, as JSON has it."""
        found = []
        for name, shows in STEPS.items():
            seen = self._seen.get(name)
            facts = _UNSEEN if seen is None else asdict(seen)
            found.append({"name": name, "shows": shows, "seen": seen is not None} | facts)
        return found
