"""The step of the emergency council: it is named, pauses minting, and the pause ends by itself."""

from api import calls, land_results
from governance.emergency.council import NAME_SEAT
from governance.emergency.emergency import MINTING, PAUSE, REPORT
from ledger.crypto import sha256
from ledger.primitives import UNIT
from node.constitution.chain import StepError, TownChain
from node.constitution.people import People
from node.constitution.record import Record
from node.localnet.charter import FOUNDERS
from node.play.outbox import Message


async def pause(chain: TownChain, people: People, record: Record) -> None:
    """Four of six seats agree, two of them persons'; nobody has to end it."""
    seats = [(people.organisations[name], people.organisations[name].address) for name in FOUNDERS]
    seats += [(person, people.participants[0].address) for person in people.participants[:3]]
    seats += [(person, people.owners[0].address) for person in people.owners[:3]]
    await chain.accepted([(member, Message.of(NAME_SEAT, account)) for member, account in seats])
    reason = sha256(b"prices that nobody can explain")
    agreeing = [people.organisations[name] for name in ("city-hall", "gist")]
    agreeing += [people.participants[0], people.owners[0]]
    await chain.accepted([(seat, Message.of(PAUSE, MINTING, reason)) for seat in agreeing])
    started = await chain.event("proposals.paused")
    ended = await chain.event("proposals.pause_ended")
    council = await chain.call(calls.get_council())
    if council is None or council["active"]:
        raise StepError(f"the pause: expected none in force, found {council}")
    (row,) = council["pauses"]
    if row["ended_ms"] is None or row["ended_ms"] < row["until_ms"]:
        raise StepError(f"the pause: expected its whole time, found {row}")
    report = Message.of(REPORT, row["number"], sha256(b"the council's report"))
    await chain.accepted([(agreeing[0], report)])
    minted = await _minted_after(chain)
    record.saw(
        "pause_ended",
        ended.height,
        f"minting was paused from height {started.height} for "
        f"{row['until_ms'] - row['started_ms']} ms of block time; then {minted // UNIT:,} BJT more "
        "were minted",
    )


async def _minted_after(chain: TownChain) -> int:
    """What a later round mints, in token units."""
    before = await chain.call(calls.get_issuance())

    async def more() -> land_results.Issuance | None:
        now = await chain.call(calls.get_issuance())
        return now if int(now["minted"]) > int(before["minted"]) else None

    return int((await chain.until(more))["minted"]) - int(before["minted"])
