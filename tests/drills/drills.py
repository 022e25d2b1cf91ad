"""The drills: what goes wrong, for how long, and what has to hold meanwhile.

Each function takes a new town and a scale, and returns what users saw. docs/resilience.md has a row
for each name in DRILLS.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from consensus.chain import RECENT_HEIGHTS
from ledger.errors import ensure
from tests.drills.town import BLOCKS_AGAIN_S, DrillTown, Measured

VICTIM: Final = "builder"
SIDES: Final = (("city-hall", "gist", "observer"), ("land-corporation", "builder"))
HOUR_MS: Final = 3_600_000
MAX_DRIFT_MS: Final = 10_000
"""consensus.max_drift_ms of a node by default."""
PAGE_BYTES: Final = 4_096
EXIT_FAILED: Final = 1
SNAPSHOT_BLOCKS: Final = 20
"""From one snapshot of a node to its next, where a drill needs them."""
BAD_LINE_GAP_S: Final = 20.0
"""Bad lines are no fault that the promise of 10 s is about; blocks must come all the same."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How long faults last, in seconds. before: of an undisturbed town under load."""

    before: float
    fault: float
    partition: float


FULL: Final = Scale(before=4.0, fault=30.0, partition=600.0)
SHORT: Final = Scale(before=1.0, fault=4.0, partition=30.0)


@dataclass(frozen=True, slots=True)
class Drill:
    """title: the fault, as docs/resilience.md calls it."""

    name: str
    title: str
    run: Callable[[DrillTown, Scale], Measured]


def others_than(town: DrillTown, *names: str) -> list[str]:
    """Every node but these."""
    return [name for name in town.nodes if name not in names]


def assert_went_on(found: Measured, longest_s: float = BLOCKS_AGAIN_S) -> Measured:
    """Blocks came before, during and after the fault without a longer gap."""
    gap = found.seen.longest_gap_s
    assert gap <= longest_s, f"no block for {gap:.1f} s, promised are {longest_s:g} s"
    return found


def kill(town: DrillTown, scale: Scale) -> Measured:
    """SIGKILL to one validator; started again after a while."""
    town.begin(scale.before)
    with town.fault():
        town.kill(VICTIM)
        town.stay(scale.fault)
    town.start(VICTIM)
    return assert_went_on(town.recovered())


def blackout(town: DrillTown, scale: Scale) -> Measured:
    """SIGKILL to all at once, and all started again."""
    town.begin(scale.before)
    with town.fault():
        town.kill(*town.nodes)
        town.stay(scale.fault)
    town.start(*town.nodes)
    started_s = town.wait_ready(*town.validators)
    found = town.recovered()
    assert found.blocks_again_s <= started_s + BLOCKS_AGAIN_S
    return found


def pause(town: DrillTown, scale: Scale) -> Measured:
    """SIGSTOP: longer than peers hold a silent connection (15 s) in the full form."""
    town.begin(scale.before)
    with town.fault():
        town.suspend(VICTIM)
        town.stay(scale.fault)
    town.resume(VICTIM)
    return assert_went_on(town.recovered())


def clock(town: DrillTown, scale: Scale) -> Measured:
    """One validator's wall clock an hour ahead, then an hour behind, then right."""
    town.give_clock(VICTIM)
    town.begin(scale.before)
    with town.fault():
        for shift_ms in (HOUR_MS, -HOUR_MS):
            town.shift_clock(VICTIM, shift_ms)
            town.stay(scale.fault)
    town.shift_clock(VICTIM, 0)
    found = assert_went_on(town.recovered())
    assert town.users is not None
    now_ms = time.time_ns() // 1_000_000
    began_ms = now_ms - round((time.monotonic() - town.fault_s[0]) * 1_000)
    wrong = {
        height: time_ms
        for height, time_ms in town.users.times_ms.items()
        if town.users.seen_s[height] > town.fault_s[0]
        and not began_ms - MAX_DRIFT_MS <= time_ms <= now_ms + MAX_DRIFT_MS
    }
    assert not wrong, f"blocks of another time: {wrong}"
    return found


def full_disk(town: DrillTown, scale: Scale) -> Measured:
    """Nothing more fits on one validator's disk: it ends with a sentence, and returns by itself
    when it is started with room."""
    disk = town.give_disk(VICTIM)
    town.begin(scale.before)
    with town.fault():
        disk.fill()
        code, said = town.ended(VICTIM)
        assert code == EXIT_FAILED
        assert "full" in said, said
        assert "Free" in said, said
        town.stay(scale.fault)
        disk.make_room()
    town.start(VICTIM)
    return assert_went_on(town.recovered())


def read_only_disk(town: DrillTown, scale: Scale) -> Measured:
    """One validator's file system fails and takes no more writes (what ext4 does after an error):
    the node ends with a sentence; after fsck it is started again."""
    disk = town.give_disk(VICTIM)
    town.begin(scale.before)
    with town.fault():
        disk.break_off()
        code, said = town.ended(VICTIM)
        assert code == EXIT_FAILED
        assert str(disk.folder) in said, said
        town.stay(scale.fault)
        disk.repair()
    town.start(VICTIM)
    return assert_went_on(town.recovered())


def damaged_table(town: DrillTown, scale: Scale) -> Measured:
    """A bit of every page of a validator's largest table is flipped while it is down. The node says
    which folder to move away; that is done, and it gets the chain from the others."""
    town.begin(scale.before)
    town.stop(VICTIM)
    town.start(VICTIM)  # an opened store moves its log into tables
    town.wait_ready(VICTIM)
    home = town.nodes[VICTIM].home
    with town.fault():
        town.kill(VICTIM)
        chain = home / "data" / "chain"
        tables = [*chain.rglob("*.ldb"), *chain.rglob("*.sst")]
        table = max(tables, key=lambda path: path.stat().st_size)
        content = bytearray(table.read_bytes())
        for at in range(PAGE_BYTES // 2, len(content), PAGE_BYTES):
            content[at] ^= 1
        table.write_bytes(content)
        town.start(VICTIM)
        code, said = town.ended(VICTIM)
        assert code == EXIT_FAILED
        assert "move this folder away and start again" in said, said
        (folder,) = (path for path in (chain, *chain.iterdir()) if f"in {path} is" in said)
        folder.rename(town.folder / "moved-away")
        town.stay(scale.fault)
    town.start(VICTIM)
    return assert_went_on(town.recovered())


def loss(town: DrillTown, scale: Scale) -> Measured:
    """Every line loses one packet in five, each way."""
    town.begin(scale.before)
    with town.fault():
        town.weather.loss = 0.2
        town.stay(2 * scale.fault)
        town.weather.heal()
    return assert_went_on(town.recovered(), BAD_LINE_GAP_S)


def delay(town: DrillTown, scale: Scale) -> Measured:
    """Every line takes 300 ms each way."""
    town.begin(scale.before)
    with town.fault():
        town.weather.delay_s = 0.3
        town.stay(2 * scale.fault)
        town.weather.heal()
    return assert_went_on(town.recovered(), BAD_LINE_GAP_S)


def partition(town: DrillTown, scale: Scale) -> Measured:
    """Two validators hear each other, and so do the other two: no quorum, no block; none that
    contradict either. Blocks come again within 10 s of healing."""
    town.begin(scale.before)
    assert town.users is not None
    with town.fault():
        town.weather.cut(*SIDES)
        town.stay(scale.partition)
        during = town.users.first_block_after(time.monotonic() - scale.partition / 2)
        assert during is None, "a block without a quorum"
        town.weather.heal()
    found = town.recovered()
    assert found.blocks_again_s <= BLOCKS_AGAIN_S, f"{found.blocks_again_s:.1f} s"
    return found


def replaced(town: DrillTown, scale: Scale) -> Measured:
    """A validator's machine is lost: a new one has its keys, and nothing of its data. It begins
    with a snapshot of the others, not at genesis. It may have signed what it cannot remember, so it
    votes only from two heights above the first certified head that it sees; then the town needs its
    vote again."""
    others = others_than(town, VICTIM)
    for name in others:
        town.make_snapshots(name, SNAPSHOT_BLOCKS)
    town.begin(scale.before)
    with town.fault():
        town.kill(VICTIM)
        town.replace_machine(VICTIM)
        town.stay(scale.fault)
        # Above the blocks that a snapshot brings with it, so that the first ones stay away.
        town.until(
            lambda: all(town.has_snapshot(name, RECENT_HEIGHTS) for name in others), "snapshots"
        )
    town.start(VICTIM)
    found = assert_went_on(town.recovered())
    assert town.lowest_height(VICTIM) > 1, "it fetched every block from genesis on"
    another = town.validators[0]
    ensure(another != VICTIM, "the town needs another validator")
    # Below the height from which it may vote the town cannot go on with three of which it is one.
    town.until(lambda: town.signs(VICTIM), "a vote of the new machine")
    town.stop(another)
    height = town.height(VICTIM)
    town.wait_for_height(height + 3, VICTIM)
    town.start(another)
    town.wait_ready(another)
    return found


def rolling(town: DrillTown, scale: Scale) -> Measured:
    """Every validator stopped, started and awaited, one after the other."""
    town.begin(scale.before)
    with town.fault():
        for name in town.validators:
            codes = town.stop(name)
            assert codes == {name: 0}
            town.stay(min(1.0, scale.fault))
            town.start(name)
            town.wait_ready(name)
    return assert_went_on(town.recovered())


DRILLS: Final = (
    Drill("kill", "One validator killed (SIGKILL) and started again", kill),
    Drill("blackout", "All nodes killed at once and started again", blackout),
    Drill("pause", "One validator suspended (SIGSTOP)", pause),
    Drill("clock", "One validator's clock an hour ahead, then an hour behind", clock),
    Drill("full-disk", "One validator's disk full", full_disk),
    Drill("read-only-disk", "One validator's file system read-only after an error", read_only_disk),
    Drill("damaged-table", "One validator's largest table file damaged", damaged_table),
    Drill("loss", "20 % of packets lost on every line", loss),
    Drill("delay", "300 ms more each way on every line", delay),
    Drill("partition", "Partition 2-2, then healed", partition),
    Drill("replaced", "One validator's machine lost and replaced", replaced),
    Drill("rolling", "All validators restarted one by one", rolling),
)
