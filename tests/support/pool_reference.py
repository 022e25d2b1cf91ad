"""Distribution written down a second time, naively: plain dictionaries, every person at each close.

Independent of tokenomics: only the same rules (economy.md section 3) and the same floors.
"""

from dataclasses import dataclass, field

SCALE = 2**64
PARTS = {
    "participation": 25,
    "achievement": 15,
    "founders": 10,
    "owners": 10,
    "treasury": 10,
    "reserve": 30,
}
PERSON_POOLS = ("participation", "achievement", "founders", "owners")
POOL_OF = {
    "work": "participation",
    "residence": "participation",
    "research": "achievement",
    "mission": "achievement",
    "founding": "founders",
    "expropriation": "owners",
}


@dataclass(frozen=True)
class Rules:
    decay: int = 97
    floor: int = 250_000
    idle: int = 4
    cliff: int = 4
    vesting: int = 16
    reserve_rounds: int = 20
    cap_bps: int = 100
    cap_multiple: int = 3
    limit: int = 10**15


@dataclass
class Paper:
    """A certificate."""

    certifier: int
    person: int
    kind: str
    points: int
    shares: int
    quarter: int
    revoked: bool = False


@dataclass
class Claimed:
    """One claim, never merged with another."""

    person: int
    quarter: int
    amount: int
    released: int = 0


@dataclass
class Reference:
    rules: Rules
    quarter: int = 1
    enrolled: dict[int, int] = field(default_factory=dict)  # person -> nullifier
    gone: set[int] = field(default_factory=set)
    papers: list[Paper] = field(default_factory=list)
    active: dict[tuple[str, int], int] = field(default_factory=dict)
    earned: dict[tuple[str, int], int] = field(default_factory=dict)  # scaled
    waiting: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PERSON_POOLS, 0))
    grants: list[Claimed] = field(default_factory=list)
    tranches: list[tuple[int, int]] = field(default_factory=list)  # (due round, amount)
    balances: dict[str | int, int] = field(default_factory=dict)

    # What is derived

    def move(self, source: str | int | None, to: str | int | None, amount: int) -> None:
        """None is nowhere: a mint or a burn."""
        if source is not None:
            self.balances[source] = self.balances.get(source, 0) - amount
            assert self.balances[source] >= 0
        if to is not None:
            self.balances[to] = self.balances.get(to, 0) + amount

    def weight_of_quarter(self, quarter: int) -> int:
        weight = 10**6
        for _ in range(1, quarter):
            weight = max(self.rules.floor, weight * self.rules.decay // 100)
        return weight

    def weight(self, person: int) -> int:
        """From all certificates that stand, quarter by quarter."""
        quarters = {p.quarter for p in self.papers if p.person == person and not p.revoked}
        since = before = min(quarters | {self.quarter})
        for quarter in sorted(quarters | {self.quarter}):
            if quarter - before - 1 >= self.rules.idle:
                since = quarter
            before = quarter
        return self.weight_of_quarter(since)

    def pending(self, pool: str, person: int) -> int:
        if person in self.gone:
            return 0
        return sum(
            p.shares
            for p in self.papers
            if p.person == person
            and POOL_OF[p.kind] == pool
            and p.quarter == self.quarter
            and not p.revoked
        )

    def shares(self, pool: str, person: int) -> int:
        return self.active.get((pool, person), 0) + self.pending(pool, person)

    def holders(self, pool: str) -> int:
        return sum(self.shares(pool, person) > 0 for person in self.enrolled)

    def all_active(self, pool: str) -> int:
        return sum(self.active.get((pool, person), 0) for person in self.enrolled)

    def vested(self, grant: Claimed) -> int:
        quarters = self.quarter - grant.quarter
        if quarters < self.rules.cliff:
            return 0
        return grant.amount * min(quarters, self.rules.vesting) // self.rules.vesting

    # Messages: the name of the refusal, or OK

    def here(self, person: int) -> str:
        if person not in self.enrolled:
            return "NOT_FOUND"
        return "CONFLICT" if person in self.gone else "OK"

    def enrol(self, person: int, nullifier: int) -> str:
        if person in self.enrolled or nullifier in self.enrolled.values():
            return "CONFLICT"
        self.enrolled[person] = nullifier
        return "OK"

    def certify(self, certifier: int, person: int, kind: str, points: int) -> str:
        if self.here(person) != "OK":
            return self.here(person)
        spent = sum(
            p.points
            for p in self.papers
            if (p.certifier, p.kind, p.quarter, p.revoked) == (certifier, kind, self.quarter, False)
        )
        if spent + points > self.rules.limit:
            return "LIMIT_EXCEEDED"
        shares, pool = points * self.weight(person) // 10**6, POOL_OF[kind]
        if shares == 0:
            return "INVALID_MESSAGE"
        held = self.shares(pool, person)
        n = self.holders(pool) + (held == 0)
        everything = sum(self.shares(pool, other) for other in self.enrolled)
        most = max(self.rules.cap_bps * n, self.rules.cap_multiple * 10_000)
        if (held + shares) * 10_000 * n > (everything + shares) * most:
            return "LIMIT_EXCEEDED"
        self.papers.append(Paper(certifier, person, kind, points, shares, self.quarter))
        return "OK"

    def revoke(self, certifier: int, number: int) -> str:
        if not 1 <= number <= len(self.papers):
            return "NOT_FOUND"
        paper = self.papers[number - 1]
        if paper.certifier != certifier:
            return "UNAUTHORISED"
        if paper.revoked:
            return "CONFLICT"
        if paper.quarter != self.quarter:
            return "NOT_NOW"
        if paper.person in self.gone:
            return "CONFLICT"
        paper.revoked = True
        return "OK"

    def pay(self, pool: str, amount: int) -> None:
        everything = self.all_active(pool)
        for person in self.enrolled:
            own = self.active.get((pool, person), 0)
            self.earned[pool, person] = self.earned.get((pool, person), 0) + own * (
                amount * SCALE // everything
            )

    def close(self, minted: int, is_final: bool, uncovered: int) -> int:
        burned = 0
        if is_final:
            due = sum(amount for round_, amount in self.tranches if round_ <= self.quarter)
            self.tranches = [t for t in self.tranches if t[0] > self.quarter]
            burned = min(due, uncovered)
            self.move("reserve", None, burned)
            self.move("reserve", "treasury", due - burned)
        parts = {pool: minted * percent // 100 for pool, percent in PARTS.items()}
        while sum(parts.values()) < minted:
            left = {pool: minted * percent - 100 * parts[pool] for pool, percent in PARTS.items()}
            parts[max(left, key=lambda pool: left[pool])] += 1  # the first of equal ones
        for pool, part in parts.items():
            self.move(None, pool, part)
        if parts["reserve"]:
            self.tranches.append((self.quarter + self.rules.reserve_rounds, parts["reserve"]))
        for pool in PERSON_POOLS:
            amount = parts[pool] + self.waiting[pool]
            self.waiting[pool] = 0
            if self.all_active(pool):
                self.pay(pool, amount)
            else:
                self.waiting[pool] = amount
            for person in self.enrolled:
                self.active[pool, person] = self.shares(pool, person)
        self.quarter += 1
        return burned

    def claim(self, person: int, pool: str) -> str:
        amount = self.earned.get((pool, person), 0) // SCALE
        if amount == 0:
            return self.here(person) if self.here(person) != "OK" else "NOT_NOW"
        self.earned[pool, person] -= amount * SCALE
        self.move(pool, "vesting", amount)
        for grant in self.grants:
            if (grant.person, grant.quarter) == (person, self.quarter):
                grant.amount += amount
                return "OK"
        self.grants.append(Claimed(person, self.quarter, amount))
        return "OK"

    def release(self, person: int) -> str:
        total = 0
        for grant in self.grants:
            if grant.person == person:
                total += self.vested(grant) - grant.released
                grant.released = self.vested(grant)
        if total == 0:
            return "NOT_NOW"
        self.move("vesting", person, total)
        return "OK"

    def leave(self, person: int, cause: str) -> str:
        if self.here(person) != "OK":
            return self.here(person)
        to: str | int = "reserve" if cause == "left" else person
        returned = 0
        for pool in PERSON_POOLS:
            amount = self.earned.pop((pool, person), 0) // SCALE
            self.move(pool, to, amount)
            returned += amount
            self.active[pool, person] = 0
        self.release(person)
        for grant in self.grants:
            if grant.person == person:
                self.move("vesting", to, grant.amount - grant.released)
                returned += grant.amount - grant.released
        self.grants = [grant for grant in self.grants if grant.person != person]
        if to == "reserve" and returned:
            self.tranches.append((self.quarter + self.rules.reserve_rounds, returned))
        self.gone.add(person)
        return "OK"

    def dividend(self, pool: str, amount: int) -> str:
        if amount == 0:
            return "INVALID_MESSAGE"
        if not self.all_active(pool):
            return "CONFLICT"
        if self.balances.get("treasury", 0) < amount:
            return "INSUFFICIENT_FUNDS"
        self.move("treasury", pool, amount)
        self.pay(pool, amount)
        return "OK"
