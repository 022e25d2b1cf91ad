"""Recognition and mint written down naively (economy.md section 2): unbounded integers, everything
recomputed from the whole history. Shares no code with tokenomics.
"""

from dataclasses import dataclass, field

TOKEN = 10**18


@dataclass(frozen=True)
class Rules:
    net: bool = False
    window: int = 9
    lambda_bps: int = 2_500
    price_per_token: int = 1_000
    hard_cap: int = 10**9 * TOKEN

    def tokens(self, krw: int) -> int:
        return krw * self.lambda_bps * TOKEN // (10_000 * self.price_per_token)


@dataclass(frozen=True)
class Facts:
    """What land and governance say of one round. tranche: reserve that is due in it, as permille
    of what is outstanding, and due in tokens' smallest units; growth: N, None while unknown."""

    rules: Rules
    value: int
    costs: int = 0
    certified_rise: int = 0
    growth: int | None = 0
    anchor: bool = True
    zones_final: int = 1
    gate_open: bool = True
    paused: bool = False
    tranche_permille: int = 0
    due: int = 0
    elapsed_ms: int = 1
    length_ms: int = 1


@dataclass
class Figures:
    live: list[int | None] = field(default_factory=list)
    certified: list[int | None] = field(default_factory=list)
    recognised: list[int] = field(default_factory=list)
    certified_recognised: list[int] = field(default_factory=list)
    entitlement: list[int] = field(default_factory=list)
    certified_entitlement: list[int] = field(default_factory=list)
    ceiling: list[int] = field(default_factory=list)
    cover: list[int] = field(default_factory=list)
    burned: list[int] = field(default_factory=list)
    limit: list[int] = field(default_factory=list)
    minted: list[int] = field(default_factory=list)
    certified_minted: list[int] = field(default_factory=list)
    issued: list[int] = field(default_factory=list)


def uplifts(base_value: int, facts: Facts) -> tuple[int, int] | None:
    """(L, K), or None when N is needed and not known."""
    growth = facts.growth if facts.rules.net else 0
    if growth is None:
        return None
    live = max(0, facts.value - base_value - facts.costs - growth)
    return live, min(live, max(0, facts.certified_rise - facts.costs))


def lasting(base_value: int, history: list[Facts]) -> tuple[int, int]:
    """(S, its certified part) at the last round of `history`; zeros when there is none.

    Of the last W anchors with a known L since the mode changed last.
    """
    now = history[-1]
    if not now.anchor or not now.gate_open or uplifts(base_value, now) is None:
        return 0, 0
    since = max(
        (i for i in range(1, len(history)) if history[i].rules.net != history[i - 1].rules.net),
        default=0,
    )
    found = [
        pair
        for facts in history[since:]
        if facts.anchor and (pair := uplifts(base_value, facts)) is not None
    ][-now.rules.window :]
    if len(found) < now.rules.window:
        return 0, 0
    return min(live for live, _ in found), min(certified for _, certified in found)


def ratchet(steps: list[int]) -> list[int]:
    return [max(steps[: i + 1]) for i in range(len(steps))]


def earned(history: list[Facts], recognised: list[int]) -> int:
    """Each step of recognition at the lambda in force when it was made."""
    before = [0, *recognised]
    return sum(
        facts.rules.tokens(after - earlier)
        for facts, earlier, after in zip(history, before, recognised, strict=False)
    )


def replay(base_value: int, genesis: int, history: list[Facts]) -> Figures:
    """All figures of all rounds."""
    figures = Figures()
    for number, facts in enumerate(history):
        past = history[: number + 1]
        pair = uplifts(base_value, facts)
        figures.live.append(None if pair is None else pair[0])
        figures.certified.append(None if pair is None else pair[1])
        steps = [lasting(base_value, history[: i + 1]) for i in range(number + 1)]
        figures.recognised = ratchet([step for step, _ in steps])
        figures.certified_recognised = ratchet([step for _, step in steps])
        figures.entitlement.append(earned(past, figures.recognised))
        figures.certified_entitlement.append(earned(past, figures.certified_recognised))
        figures.ceiling.append(min(facts.rules.hard_cap, genesis + figures.entitlement[-1]))
        figures.cover.append(facts.rules.tokens(covering(base_value, past)))
        issued = genesis + sum(figures.minted)
        outstanding = max(0, issued - genesis - sum(figures.burned))
        due = outstanding * facts.tranche_permille // 1_000 + facts.due
        is_final = facts.anchor and facts.zones_final > 0 and pair is not None
        uncovered = max(0, outstanding - figures.cover[-1])
        figures.burned.append(min(due, uncovered) if is_final else 0)
        outstanding = max(0, issued - genesis - sum(figures.burned))
        room = figures.ceiling[-1] - issued
        certified_issued = sum(figures.certified_minted)
        certified = max(0, min(figures.certified_entitlement[-1] - certified_issued, room))
        scale = facts.rules.tokens(base_value)
        usual = max(scale * 80 // 10_000, (room - certified) // 24)
        full = min(scale * 500 // 10_000, certified + usual)
        figures.limit.append(full * min(facts.elapsed_ms, facts.length_ms) // facts.length_ms)
        allowed = max(0, min(room, figures.cover[-1] - outstanding, figures.limit[-1]))
        figures.minted.append(0 if facts.paused or pair is None else allowed)
        figures.certified_minted.append(min(figures.minted[-1], certified))
        figures.issued.append(issued + figures.minted[-1])
    return figures


def covering(base_value: int, past: list[Facts]) -> int:
    """The uplift that covers tokens now: L, between anchors at most that of the last anchor."""
    now = uplifts(base_value, past[-1])
    if now is None:
        return 0
    if past[-1].anchor:
        return now[0]
    for facts in past[-2::-1]:
        if facts.rules.net != past[-1].rules.net:
            return 0
        pair = uplifts(base_value, facts)
        if facts.anchor and pair is not None:
            return min(now[0], pair[0])
    return 0
