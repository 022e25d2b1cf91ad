"""Who acts in the scenario: organisations, a registrar, and persons yet to be registered."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from governance.chambers import CHAMBER_LANDOWNERS, CHAMBER_PARTICIPANTS
from ledger.crypto import Ed25519Signer, sha256
from node.localnet import officials
from node.localnet.cast import organisation_sender
from node.localnet.charter import FOUNDERS
from node.play.outbox import Sender
from tokenomics import roles

PERSONS_A_CHAMBER: Final = 30
"""As many as seat a persons' chamber."""

Ballot = tuple[Sender, str]
"""Who votes, and yes, no or abstain."""


def _persons(chamber: str) -> tuple[Sender, ...]:
    names = (f"poyong/constitution/{chamber}/{number}" for number in range(PERSONS_A_CHAMBER))
    return tuple(Sender.of_key(Ed25519Signer(sha256(name.encode()))) for name in names)


@dataclass(slots=True)
class People:
    """organisations: by id; one that joins is added."""

    organisations: dict[str, Sender]
    registrar: Sender
    participants: tuple[Sender, ...] = field(default_factory=lambda: _persons("participant"))
    owners: tuple[Sender, ...] = field(default_factory=lambda: _persons("owner"))

    @property
    def persons(self) -> list[tuple[Sender, str]]:
        """Everybody who is to be registered, with the chamber."""
        return [(person, CHAMBER_PARTICIPANTS) for person in self.participants] + [
            (person, CHAMBER_LANDOWNERS) for person in self.owners
        ]

    def consent(self, *, without: tuple[str, ...] = ()) -> list[Ballot]:
        """All organisations but those named, and a clear majority of persons, say yes."""
        return [
            *((org, "yes") for name, org in self.organisations.items() if name not in without),
            *((person, "yes") for person in self.participants[:16]),
            *((person, "no") for person in self.participants[16:20]),
            *((person, "yes") for person in self.owners[:12]),
            *((person, "no") for person in self.owners[12:14]),
        ]

    def refusal(self) -> list[Ballot]:
        """Organisations say yes, and persons no."""
        return [
            *((org, "yes") for org in self.organisations.values()),
            *((person, "no") for person in self.participants[:20]),
            *((person, "no") for person in self.owners[:14]),
        ]


def people_of(folder: Path) -> People:
    """Those of the governed town in `folder`."""
    (registrar,) = officials.holders(roles.PERSON_REGISTRAR)
    return People(
        {name: organisation_sender(folder / name) for name in FOUNDERS},
        Sender.of_key(registrar.signer),
    )
