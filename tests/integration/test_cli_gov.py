"""`poyong gov` and `poyong org` against a served node: what they show, and what they send."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from api import governance_examples as examples
from governance.emergency.council import NAME_SEAT
from governance.proposals.challenge_petitions import PETITION_CHALLENGE, SIGN_CHALLENGE
from governance.proposals.delegation import DELEGATE, UNDELEGATE
from governance.proposals.petitions import PETITION, RECALL, SIGN
from governance.proposals.proposals import SPONSOR, SUBMIT, WITHDRAW
from governance.proposals.voting import VOTE
from ledger.crypto import sha256
from ledger.local_accounts import ed25519_accounts
from ledger.message_registry import MessageType
from node import cli
from node.keys.threshold_account import new_account, read_account
from tests.support.api_servers import Served, serving
from tokenomics.oracle.panels import NOMINATE

PERSON = examples.PERSON["account"]


async def run(served: Served, *arguments: str) -> int:
    """The command in a thread of its own, since it has its own event loop."""
    return await asyncio.to_thread(cli.run, [*arguments, "--rpc", served.url])


@pytest.mark.parametrize(
    ("command", "result", "shown"),
    [
        (("gov", "list"), examples.PAGE, "Money for the library"),
        (("gov", "list", "--state", "voting", "--before", "9"), examples.PAGE, "--before 7"),
        (("gov", "show", "7"), None, "Missing: 32 of 33 points of consenting weight"),
        (("gov", "chambers"), [examples.CHAMBER], "공공"),
        (("gov", "council"), examples.COUNCIL, "Pauses: 1 in force"),
        (("gov", "params"), [examples.PARAMETER], "lambda_bps"),
        (("gov", "params", "lambda_bps", "--module", "issuance"), [examples.PARAMETER], "2,500"),
        (("gov", "bases"), [examples.LEGAL_BASIS], "Gwangju Metropolitan Council"),
        (("gov", "challenges"), [examples.CHALLENGE_PETITION], "12 of 20"),
        (("gov", "agreements"), [examples.AGREEMENT], "Use of the school grounds"),
        (("org", "list"), [examples.ORGANISATION], "광주광역시"),
        (("org", "show", "gwangju"), examples.ORGANISATION, "chamber.public"),
    ],
)
async def test_what_a_node_tells_is_shown_to_people_and_to_scripts(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], result: Any, shown: str
) -> None:
    async with serving() as served:
        assert await run(served, *command) == 0
        assert shown in capsys.readouterr().out
        assert await run(served, *command, "--json") == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed == (examples.PROPOSAL if result is None else result)


async def test_a_proposal_is_shown_with_its_votes_and_its_messages(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with serving() as served:
        assert await run(served, "gov", "show", "7") == 0
    out = capsys.readouterr().out
    assert "7, class B: Money for the library" in out
    assert "Message 0: transfer.send" in out
    assert 'amount "500000000000000000000"' in out
    assert "weight 32 of 64, more than 50 % needed" in out
    assert "vacant" in out


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("gov", "params", "lambda_bp"), "no parameter 'lambda_bp'; did you mean 'lambda_bps'"),
        (("gov", "show", "8"), "knows no proposal 8: see poyong gov list"),
        (("org", "show", "nobody"), "knows no organisation 'nobody': see poyong org list"),
    ],
)
async def test_what_is_not_there_is_said_in_one_sentence(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], sentence: str
) -> None:
    async with serving() as served:
        assert await run(served, *command) == cli.EXIT_FAILED
    printed = capsys.readouterr()
    assert printed.out == ""
    assert sentence in printed.err
    assert printed.err.count("\n") == 1


async def test_a_chain_without_governance_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving() as served:
        monkeypatch.setattr(served.node, "council", lambda: None)
        for name in (
            "chambers",
            "organisations",
            "legal_bases",
            "agreements",
            "challenge_petitions",
        ):
            monkeypatch.setattr(served.node, name, lambda *_: [])
        empty: dict[str, Any] = {"proposals": [], "next_before": None}
        monkeypatch.setattr(served.node, "proposals", lambda *_: empty)
        assert await run(served, "gov", "council") == cli.EXIT_FAILED
        assert "has no proposals" in capsys.readouterr().err
        governed = ("list", "chambers", "bases", "agreements", "challenges")
        for command in (*(("gov", name) for name in governed), ("org", "list")):
            assert await run(served, *command) == 0
            assert capsys.readouterr().out.startswith(("No ", "Nobody "))


@pytest.mark.parametrize(
    ("command", "message", "values"),
    [
        (("sponsor", "7"), SPONSOR, (7,)),
        (("withdraw", "7"), WITHDRAW, (7,)),
        (("sign-petition", "7"), SIGN, (7,)),
        (("recall", "7"), RECALL, (7,)),
        (
            ("challenge", "wolchul", "3", "--ground", "method", "--evidence", "0x" + "ab" * 32),
            PETITION_CHALLENGE,
            ("wolchul", 3, "method", b"\xab" * 32),
        ),
        (("sign-challenge", "7"), SIGN_CHALLENGE, (7,)),
        (("vote", "7", "abstain"), VOTE, (7, "abstain")),
        (("delegate", "c", PERSON), DELEGATE, ("C", bytes(19) + b"\xb1")),
        (("undelegate", "D"), UNDELEGATE, ("D",)),
        (("name-seat", PERSON), NAME_SEAT, (bytes(19) + b"\xb1",)),
        (("name-seat", "nobody"), NAME_SEAT, (bytes(20),)),
        (
            ("nominate", "chamber.land", "wolchul", "3", PERSON),
            NOMINATE,
            ("chamber.land", "wolchul", 3, bytes(19) + b"\xb1"),
        ),
    ],
)
async def test_taking_part_sends_one_signed_message_and_waits(
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    message: MessageType,
    values: tuple[object, ...],
) -> None:
    async with serving() as served:
        sending = asyncio.create_task(run(served, "gov", *command, "--local", "3", "--json"))
        await served.node.until_waiting(1)
        (waiting,) = served.node.pending.values()
        assert waiting.type == message.name
        assert message.decode(waiting.body) == values
        assert waiting.sender == ed25519_accounts()[3].address
        await served.node.commit()
        assert await sending == 0
        assert json.loads(capsys.readouterr().out)["code"] == 0


@pytest.mark.parametrize(
    ("command", "code", "sentence"),
    [
        (("vote", "7", "yes"), cli.EXIT_FAILED, "--key FILE, or --local N"),
        (("vote", "7", "maybe", "--local", "0"), cli.EXIT_USAGE, "'yes', 'no', 'abstain'"),
        (
            ("challenge", "z", "1", "--ground", "dear", "--evidence", "x", "--local", "0"),
            cli.EXIT_USAGE,
            "'comparables', 'parcel_data'",
        ),
        (("vote", "0", "yes", "--local", "0"), cli.EXIT_USAGE, "0 is not in the range"),
        (("delegate", "E", PERSON, "--local", "0"), cli.EXIT_USAGE, "'a', 'b', 'c', 'd'"),
        (("delegate", "A", "0x12", "--local", "0"), cli.EXIT_FAILED, "ACCOUNT: expected 0x and 40"),
    ],
)
async def test_what_cannot_be_sent_is_refused_before_anything_is(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], code: int, sentence: str
) -> None:
    async with serving() as served:
        assert await run(served, "gov", *command) == code
        assert sentence in capsys.readouterr().err
        assert not served.node.submitted


# -- an organisation's account, whose members sign in turns ----------------------------------------

MEMBERS = tuple(ed25519_accounts()[number] for number in (4, 5, 6))


@pytest.fixture
def descriptor(tmp_path: Path) -> str:
    """Two of three accounts of a local town have to sign."""
    members = {each.signer.public_key: f"member {n}" for n, each in enumerate(MEMBERS)}
    path = tmp_path / "city.json"
    path.write_text(new_account(2, members).text(), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("vote", "7", "yes"), VOTE),
        (("sponsor", "7"), SPONSOR),
        (("nominate", "chamber.land", "wolchul", "3", PERSON), NOMINATE),
        (("name-seat", PERSON), NAME_SEAT),
        (("propose",), SUBMIT),
    ],
)
async def test_the_members_of_an_account_sign_what_the_command_made(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    file: Path,
    descriptor: str,
    command: tuple[str, ...],
    message: MessageType,
) -> None:
    draft = str(tmp_path / "draft.json")
    given = (*command, str(file)) if command == ("propose",) else command
    async with serving() as served:
        made = await run(served, "gov", *given, "--from", descriptor, "--output", draft)
        assert made == 0
        assert "0 of 2 signatures, still needed: 2 from" in capsys.readouterr().err
        assert not served.node.pending
        for number in (5, 4):
            signed = ["tx", "sign", draft, "--local", str(number), "--output", draft]
            assert await asyncio.to_thread(cli.run, signed) == 0
        sending = asyncio.create_task(run(served, "tx", "send", draft, "--wait"))
        await served.node.until_waiting(1)
        (waiting,) = served.node.pending.values()
        assert waiting.type == message.name
        assert waiting.sender == read_account(Path(descriptor)).witness.address
        await served.node.commit()
        assert await sending == 0


async def test_a_second_draft_takes_another_nonce(
    capsys: pytest.CaptureFixture[str], descriptor: str
) -> None:
    async with serving() as served:
        for options in ((), ("--nonce", "8")):
            assert await run(served, "gov", "vote", "7", "no", "--from", descriptor, *options) == 0
    first, second = capsys.readouterr().out.split("}\n{")
    assert '"nonce": 8' in second
    assert '"nonce": 8' not in first


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--local", "4"), "say one of --from, --key and --local"),
        (("--from", "nothing.json"), "nothing.json"),
    ],
)
async def test_a_draft_that_cannot_be_made_is_refused(
    capsys: pytest.CaptureFixture[str], descriptor: str, options: tuple[str, ...], sentence: str
) -> None:
    async with serving() as served:
        named = () if "--from" in options else ("--from", descriptor)
        assert await run(served, "gov", "vote", "7", "yes", *named, *options) == cli.EXIT_FAILED
        assert sentence in capsys.readouterr().err
        alone = ("gov", "vote", "7", "yes", "--local", "4", "--output", "draft")
        assert await run(served, *alone) == cli.EXIT_FAILED
        assert "name it by --from" in capsys.readouterr().err
        assert not served.node.submitted


async def test_a_proposal_that_is_shown_needs_a_file_for_its_draft(
    capsys: pytest.CaptureFixture[str], file: Path, descriptor: str
) -> None:
    async with serving() as served:
        command = ("gov", "propose", str(file), "--from", descriptor)
        assert await run(served, *command) == cli.EXIT_FAILED
    assert "--output FILE" in capsys.readouterr().err


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A proposal to pay a dividend, with its text beside it."""
    (tmp_path / "text.txt").write_bytes(b"A dividend.")
    fields = {"pool": "founders", "amount": "2 BJT"}
    document = {
        "title": "A dividend",
        "document": "text.txt",
        "legal_basis": 3,
        "messages": [{"type": "distribution.dividend", "fields": fields}],
    }
    path = tmp_path / "proposal.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture
def wrong_file(file: Path) -> Path:
    """The same with a number for an amount."""
    text = file.read_text(encoding="utf-8").replace('"2 BJT"', "2")
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(("command", "message"), [("propose", SUBMIT), ("petition", PETITION)])
async def test_a_proposal_is_shown_then_sent_with_encoded_messages(
    capsys: pytest.CaptureFixture[str], file: Path, command: str, message: MessageType
) -> None:
    async with serving() as served:
        sending = asyncio.create_task(run(served, "gov", command, str(file), "--local", "1"))
        await served.node.until_waiting(1)
        (waiting,) = served.node.pending.values()
        assert waiting.type == message.name
        title, document_hash, basis, ((carried, body),) = message.decode(waiting.body)
        assert (title, document_hash, basis) == ("A dividend", sha256(b"A dividend."), 3)
        assert carried == "distribution.dividend"
        await served.node.commit()
        assert await sending == 0
    out = capsys.readouterr().out
    assert out.index("Message 0: distribution.dividend") < out.index("Final in block 1")
    assert 'amount "2000000000000000000"' in out
    assert f"{len(body)} bytes" in out


async def test_a_dry_run_shows_and_sends_nothing(
    capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    async with serving() as served:
        assert await run(served, "gov", "propose", str(file), "--dry-run", "--json") == 0
        assert not served.node.submitted
    found = json.loads(capsys.readouterr().out)
    assert found["message_type"] == SUBMIT.name
    assert found["messages"][0]["fields"] == {"pool": "founders", "amount": "2000000000000000000"}
    assert found["arguments"][0] == "title=A dividend"


async def test_a_wrong_document_is_refused_by_its_place_before_anything_is_sent(
    capsys: pytest.CaptureFixture[str], wrong_file: Path
) -> None:
    async with serving() as served:
        sent = await run(served, "gov", "propose", str(wrong_file), "--local", "1")
        assert sent == cli.EXIT_FAILED
        assert "messages[0].fields.amount: expected decimal text" in capsys.readouterr().err
        assert not served.node.submitted


async def test_a_template_names_the_fields_of_each_type(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["gov", "template", "distribution.dividend", "transfer.send"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [list(item["fields"]) for item in found["messages"]] == [
        ["pool", "amount"], ["to", "amount", "memo_hash"],
    ]  # fmt: skip
    assert cli.run(["gov", "template", "no.such"]) == cli.EXIT_FAILED
    assert "no message type is called 'no.such'" in capsys.readouterr().err
