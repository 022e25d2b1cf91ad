"""Appraisers' and chambers' commands, against a node whose town takes what they send."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from api import ports
from ledger.crypto import checksum_address, sha256
from ledger.local_accounts import ed25519_accounts
from ledger.primitives import Address
from node import cli
from node.appraisal_file import read_appraisal
from tests.support.api_servers import Served, serving
from tests.support.land_town import LandTown, land_section, zone_section
from tests.support.town_node import TownNode
from tokenomics.oracle.land_views import zone_round
from tokenomics.oracle.registry import NOMINATORS
from tokenomics.roles import CHAMBER_PUBLIC

ACCOUNTS = ed25519_accounts()
PRICE = 1_015
DOCUMENT = "0x" + sha256(b"the appraisal").hex()


def make_town() -> tuple[LandTown, int]:
    """Local accounts on the registry, one of them for a chamber; round 1's appraisal has begun."""
    section = land_section(zone_section("east"))
    section["appraisers"] = [
        {
            "account": checksum_address(account.address),
            "nominator": NOMINATORS[number % len(NOMINATORS)],
        }
        for number, account in enumerate(ACCOUNTS)
    ]
    town = LandTown(section)
    town.book.roles[CHAMBER_PUBLIC] = {ACCOUNTS[0].address}
    town.block(1)
    return town, town.begin_appraisal()


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def local(address: Address) -> str:
    """Which local account it is, for --local."""
    return str([account.address for account in ACCOUNTS].index(address))


async def run(served: Served, *arguments: str) -> int:
    return await asyncio.to_thread(cli.run, ["land", *arguments, "--rpc", served.url])


async def sent(served: Served, *arguments: str) -> int:
    """Run a command that sends, and commit what it sent."""
    running = asyncio.create_task(run(served, *arguments))
    waiting = asyncio.create_task(served.node.until_waiting(1))
    await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        await served.node.commit()
    waiting.cancel()
    return await running


def report(date: int = 5, price: int = PRICE) -> list[str]:
    return [
        "--price", str(price), "--valuation-date", str(date), "--method", "comparison",
        "--comparables", "8", "--document", DOCUMENT,
    ]  # fmt: skip


async def test_a_report_is_committed_kept_and_revealed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    town, number = make_town()
    panel, file = town.appraisal("east").panel, tmp_path / "sealed.json"
    async with serving(node=TownNode(town)) as served:
        commit = ("commit", "east", "1", *report(), "--secret", str(file))
        assert await sent(served, *commit, "--local", local(panel[0])) == 0
        said = capsys.readouterr().out
        assert "Final in block" in said
        assert f"poyong land reveal {file}" in said
        assert "at the latest; you then have 109 ms" in said
        assert not file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        sealed = read_appraisal(file)
        assert (sealed.zone, sealed.round, sealed.appraiser) == ("east", 1, panel[0])
        (event,) = town.all_named("land.committed")
        assert event["commitment"] == sealed.commitment
        assert str(PRICE) not in str(town.history)
        early = ("reveal", str(file), "--local", local(panel[0]))
        assert await run(served, *early) == cli.EXIT_FAILED
        assert "takes reveals in" in capsys.readouterr().err
        town.idle_until(town.appraisal("east").deadline_ms)
        assert await run(served, "reveal", str(file), "--local", local(panel[1])) == cli.EXIT_FAILED
        assert "name the key that committed" in capsys.readouterr().err
        assert await sent(served, *early, "--json") == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["code"] == 0
        assert "Your report is public" in err
    shown = zone_round(town.state, "east", number)
    assert shown is not None
    (found,) = shown["reports"]
    assert (found["price_krw_per_m2"], found["document_hash"]) == (PRICE, DOCUMENT)


async def test_a_salt_is_never_the_same_and_its_file_never_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    town, _ = make_town()
    panel = town.appraisal("east").panel
    async with serving(node=TownNode(town)) as served:
        files = [tmp_path / f"{n}.json" for n in range(2)]
        for who, file in zip(panel, files, strict=False):
            arguments = ("commit", "east", "1", *report(), "--secret", str(file))
            assert await sent(served, *arguments, "--local", local(who)) == 0
        assert read_appraisal(files[0]).salt != read_appraisal(files[1]).salt
        before, submitted = files[0].read_bytes(), len(served.node.submitted)
        again = ("commit", "east", "1", *report(), "--secret", str(files[0]))
        assert await run(served, *again, "--local", local(panel[2])) == cli.EXIT_FAILED
        assert "is not replaced" in capsys.readouterr().err
        assert files[0].read_bytes() == before
        assert len(served.node.submitted) == submitted


async def test_the_last_commitment_says_that_revealing_has_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    town, number = make_town()
    panel = town.appraisal("east").panel
    town.soon([town.commit_call("east", number, who, PRICE) for who in panel[1:]])
    async with serving(node=TownNode(town)) as served:
        file = tmp_path / "sealed.json"
        arguments = ("commit", "east", "1", *report(), "--secret", str(file))
        assert await sent(served, *arguments, "--local", local(panel[0])) == 0
        assert "All have committed. Reveal now until" in capsys.readouterr().out


REFUSED: list[tuple[list[str], str]] = [
    (["commit", "east", "1", *report(date=10**15)], "is outside round 1, which lasted from"),
    (["commit", "east", "1", *report(price=PRICE * 10)], "a wrong unit?"),
    (["commit", "east", "2", *report()], "begins when the round ends"),
    (["commit", "east", "9", *report()], "knows no round 9"),
    (["commit", "nowhere", "1", *report()], "its zones are east"),
    (["commit", "east", "1", *report()[:-1], "0x12"], "0x and 64 hex digits"),
    (["commit", "east", "1", *report()[:-1], "no-such.pdf"], "cannot read no-such.pdf"),
    (
        ["challenge", "east", "1", "--chamber", CHAMBER_PUBLIC, "--ground", "method",
         "--evidence", DOCUMENT],
        "it takes challenges in CHALLENGE",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "named"), REFUSED)
async def test_what_the_chain_would_refuse_is_refused_before_anything_is_written(
    arguments: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    town, _ = make_town()
    member = local(town.appraisal("east").panel[0])
    async with serving(node=TownNode(town)) as served:
        assert await run(served, *arguments, "--local", member) == cli.EXIT_FAILED
        assert not served.node.submitted
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert named in err
    assert not files_in(tmp_path)


async def test_who_has_no_seat_or_has_committed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    town, number = make_town()
    panel = town.appraisal("east").panel
    town.soon([town.commit_call("east", number, panel[0], PRICE)])
    outsider = next(account.address for account in ACCOUNTS if account.address not in panel)
    async with serving(node=TownNode(town)) as served:
        for who in (panel[0], outsider):
            arguments = ("commit", "east", "1", *report(), "--local", local(who))
            assert await run(served, *arguments) == cli.EXIT_FAILED
            assert "has committed already, or has no seat" in capsys.readouterr().err
    assert not files_in(tmp_path)


async def test_a_commitment_that_the_node_refuses_leaves_the_file_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    town, _ = make_town()
    member = local(town.appraisal("east").panel[0])
    node = TownNode(town)
    full = ports.Refusal(ports.RefusalReason.MEMPOOL_FULL, "65,536 transactions wait")
    monkeypatch.setattr(node, "_admit", lambda raw: full)
    async with serving(node=node) as served:
        assert await run(served, "commit", "east", "1", *report(), "--local", member) == 1
    err = capsys.readouterr().err
    assert "keeps the salt" in err
    assert "you may remove the file and commit again" in err
    assert (tmp_path / "appraisal-east-1.json").exists()


async def test_a_chamber_challenges_a_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    town, number = make_town()
    town.commit_and_reveal(number, {"east": [PRICE] * 5})
    assert town.appraisal("east").phase.name == "CHALLENGE"
    evidence = tmp_path / "evidence.pdf"
    evidence.write_bytes(b"comparables of another district")
    async with serving(node=TownNode(town)) as served:
        arguments = ("challenge", "east", "1", "--chamber", CHAMBER_PUBLIC, "--ground", "method")
        assert await sent(served, *arguments, "--evidence", str(evidence), "--local", "0") == 0
        said = capsys.readouterr().out
        assert "Keep the evidence" in said
        assert "in phase CHALLENGE until" in said
    (event,) = town.all_named("land.challenged")
    assert event["evidence_hash"] == sha256(b"comparables of another district")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"salt": "0x12"}, "salt has 1 bytes"),
        ({"format": "poyong-appraisal-2"}, "this release (poyong/0.1.0) reads poyong-appraisal-1"),
        ({"format": "an appraisal"}, "is no file of an appraisal"),
        ({"colour": "red"}, "colour"),
        ({"price_krw_per_m2": "many"}, "price_krw_per_m2"),
    ],
)
async def test_a_changed_file_is_named(
    change: dict[str, Any], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    town, _ = make_town()
    file, member = tmp_path / "sealed.json", local(town.appraisal("east").panel[0])
    async with serving(node=TownNode(town)) as served:
        arguments = ("commit", "east", "1", *report(), "--secret", str(file), "--local", member)
        assert await sent(served, *arguments) == 0
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    assert cli.run(["land", "reveal", str(file), "--local", member]) == cli.EXIT_FAILED
    assert named in capsys.readouterr().err
    file.chmod(0o644)
    assert cli.run(["land", "reveal", str(file), "--local", member]) == cli.EXIT_FAILED
    assert f"chmod 600 {file}" in capsys.readouterr().err
    assert cli.run(["land", "reveal", str(tmp_path / "no"), "--local", member]) == cli.EXIT_FAILED
    assert "poyong land commit" in capsys.readouterr().err
