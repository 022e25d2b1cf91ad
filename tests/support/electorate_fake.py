"""An Electorate that a test fills: organisations and persons that join, leave, move and re-bind.

Memberships are kept as (snapshot at which it began, at which it ended), as the port has them.
"""

from collections import Counter

from governance.chambers import ALL_CHAMBERS
from ledger.primitives import Address
from ledger.state import State


class FakeElectorate:
    def __init__(self) -> None:
        self.number = 0
        self.seats: Counter[str] = Counter()
        # member identity -> (chamber, began, ended or None), oldest first
        self.memberships: dict[bytes, list[tuple[str, int, int | None]]] = {}
        self.bound: dict[Address, bytes] = {}

    def join(self, account: Address, chamber: str, member: bytes | None = None) -> bytes:
        self.number += 1
        member = b"m" + account if member is None else member
        self.bound[account] = member
        self.memberships.setdefault(member, []).append((chamber, self.number, None))
        self.seats[chamber] += 1
        return member

    def leave(self, account: Address) -> bytes:
        """Whoever calls this also calls governance.departures.membership_ended."""
        self.number += 1
        member = self.bound[account]
        chamber, began, ended = self.memberships[member][-1]
        assert ended is None
        self.memberships[member][-1] = (chamber, began, self.number)
        self.seats[chamber] -= 1
        return member

    def rebind(self, old: Address, new: Address) -> None:
        self.bound[new] = self.bound.pop(old)

    def seated(self, state: State, chamber: str) -> int:
        del state
        return self.seats[chamber]

    def was_member(self, state: State, account: Address, chamber: str, at: int) -> bool:
        del state
        member = self.bound.get(account)
        return member is not None and any(
            name == chamber and began <= at and (ended is None or at < ended)
            for name, began, ended in self.memberships[member]
        )

    def snapshot(self, state: State) -> int:
        del state
        return self.number

    def chamber_of(self, state: State, account: Address) -> str | None:
        del state
        member = self.bound.get(account)
        if member is None:
            return None
        chamber, _, ended = self.memberships[member][-1]
        return chamber if ended is None else None

    def member_id(self, state: State, account: Address) -> bytes | None:
        del state
        return self.bound.get(account)


def institution(chamber: str, index: int = 0) -> Address:
    """Account of an organisation in a test's town."""
    position = [each.name for each in ALL_CHAMBERS].index(chamber)
    return Address(bytes((0xA0 + position, index)) + bytes(18))


def person(index: int) -> Address:
    """Account of a person in a test's town."""
    return Address(b"\xee" + index.to_bytes(4, "big") + bytes(15))
