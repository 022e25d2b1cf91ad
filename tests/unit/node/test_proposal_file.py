"""A proposal is read from a document strictly, and what is sent decodes to what was written."""

import json
from pathlib import Path
from typing import Any

import pytest

from governance.proposals.parameter_changes import CHANGE_PARAMETER
from governance.proposals.proposal_rows import MAX_BODY_BYTES, MAX_MESSAGES, MAX_TITLE_BYTES
from governance.proposals.proposals import SUBMIT
from governance.stakeholders.legal_bases import REGISTER as REGISTER_BASIS
from governance.stakeholders.stakeholders import StakeholdersModule
from ledger import codec
from ledger.crypto import checksum_address, sha256
from ledger.errors import LocalError
from ledger.message_registry import MAX_TEXT_BYTES, Field, Kind, MessageRegistry, MessageType
from ledger.primitives import UNIT
from ledger.transfers import SEND, SEND_MANY
from node.cli.gov_propose import tx_arguments
from node.cli.message_fields import body_of
from node.cli.proposal_file import read_content, template
from node.modules import build_executor

ACCOUNT = checksum_address(bytes(range(20)))
REGISTRY = MessageRegistry((SEND, SEND_MANY, CHANGE_PARAMETER, *StakeholdersModule().handlers))
DOCUMENT_HASH = "0x" + "11" * 32
SENDING = {"to": ACCOUNT, "amount": "1000", "memo_hash": None}


def written(folder: Path, **changes: Any) -> Path:
    """The file of a proposal that is right but for these changes; None leaves a member out."""
    document: dict[str, Any] = {
        "title": "A library",
        "document_hash": DOCUMENT_HASH,
        "messages": [{"type": SEND.name, "fields": SENDING}],
    }
    document |= changes
    path = folder / "proposal.json"
    given = {name: value for name, value in document.items() if value is not None}
    path.write_text(json.dumps(given, ensure_ascii=False), encoding="utf-8")
    return path


def sending(**changes: Any) -> list[dict[str, Any]]:
    return [{"type": SEND.name, "fields": {**SENDING, **changes}}]


def test_what_is_sent_decodes_to_what_was_written(tmp_path: Path) -> None:
    basis = {
        "kind": "ordinance", "issuer": "광주광역시", "number": "6001", "article": "3",
        "document_hash": DOCUMENT_HASH, "gazette_hash": DOCUMENT_HASH,
    }  # fmt: skip
    many = {"transfers": [{"to": ACCOUNT, "amount": "7"}], "memo_hash": DOCUMENT_HASH}
    messages = [
        *sending(),
        {"type": SEND_MANY.name, "fields": many},
        {"type": REGISTER_BASIS.name, "fields": basis},
        {"type": CHANGE_PARAMETER.name, "fields": {"name": "a", "position": 3, "value": 0}},
    ]
    content = read_content(written(tmp_path, messages=messages, legal_basis=4), REGISTRY)
    title, document_hash, legal_basis, items = SUBMIT.decode(SUBMIT.encode(*content.values()))
    assert (title, document_hash.hex(), legal_basis) == ("A library", "11" * 32, 4)
    decoded = [REGISTRY.find(name).decode(codec.decode(body)) for name, body in items]  # type: ignore[union-attr]
    assert decoded[0] == (bytes(range(20)), 1000, b"")
    assert decoded[1] == (((bytes(range(20)), 7),), bytes.fromhex("11" * 32))
    assert decoded[2][1] == "광주광역시"
    assert decoded[3] == ("a", 3, 0)
    shown = content.shown()["messages"]
    assert [item["fields"] for item in shown] == [item["fields"] for item in messages]


def test_a_document_is_hashed_where_the_file_lies_and_no_message_is_a_signal(
    tmp_path: Path,
) -> None:
    (tmp_path / "text.txt").write_bytes(b"We want a library.")
    path = written(tmp_path, document_hash=None, document="text.txt", messages=[])
    content = read_content(path, REGISTRY)
    assert content.document_hash == sha256(b"We want a library.")
    assert (content.legal_basis, content.messages) == (0, ())


@pytest.mark.parametrize(
    ("amount", "units"),
    [("0", 0), ("12", 12), ("1.5 BJT", 3 * UNIT // 2), ("1,000 BJT", 1000 * UNIT)],
)
def test_amounts_are_smallest_units_or_say_that_they_are_tokens(
    tmp_path: Path, amount: str, units: int
) -> None:
    content = read_content(written(tmp_path, messages=sending(amount=amount)), REGISTRY)
    assert SEND.decode(content.messages[0].body)[1] == units


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"title": None}, "title is missing"),
        ({"title": ""}, "title: expected text of 1 to 128 bytes"),
        ({"title": "가" * (MAX_TITLE_BYTES // 3 + 1)}, "title: expected text of 1 to 128 bytes"),
        ({"titel": "x"}, "titel: unknown option; did you mean 'title'?"),
        ({"document": "text.txt"}, "by one of document"),
        ({"document_hash": None}, "by one of document"),
        ({"document_hash": None, "document": "absent.txt"}, "absent.txt"),
        ({"document_hash": "0x11"}, "document_hash: expected 64 hex digits"),
        ({"legal_basis": 0}, "legal_basis: expected an integer in 1"),
        ({"legal_basis": "1"}, "legal_basis: expected an integer in 1"),
        ({"messages": None}, "messages is missing"),
        ({"messages": {}}, "messages: expected a list"),
        ({"messages": sending() * (MAX_MESSAGES + 1)}, "messages: expected at most 16, found 17"),
        ({"messages": ["x"]}, "messages[0]: expected an object"),
        ({"messages": [{"type": "transfer.sned", "fields": {}}]}, "did you mean 'transfer.send'?"),
        ({"messages": [{"type": 7, "fields": {}}]}, "messages[0].type: no message type"),
        ({"messages": [{"type": SEND.name}]}, "messages[0]: fields is missing"),
        ({"messages": sending(amuont="1")}, "messages[0].fields.amuont: unknown option"),
        ({"messages": sending(to=ACCOUNT.swapcase())}, "messages[0].fields.to: expected"),
        ({"messages": sending(to="<0x and 40 hex digits: receiver>")}, "fields.to: expected"),
        ({"messages": sending(amount=1000)}, "messages[0].fields.amount: expected decimal text"),
        ({"messages": sending(amount="-1")}, "fields.amount: expected decimal text"),
        ({"messages": sending(amount="1.5")}, "fields.amount: expected decimal text"),
        ({"messages": sending(amount="9" * 39)}, "messages[0]: "),
        ({"messages": sending(amount="x BJT")}, "fields.amount: expected tokens"),
        ({"messages": sending(memo_hash="0x")}, "fields.memo_hash: expected 64 hex digits"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_place(
    tmp_path: Path, changes: dict[str, Any], place: str
) -> None:
    with pytest.raises(LocalError) as caught:
        read_content(written(tmp_path, **changes), REGISTRY)
    assert place in str(caught.value)


def test_lists_and_bounds_of_fields_are_checked_too(tmp_path: Path) -> None:
    small = MessageType(
        "town.small",
        "Bounded.",
        (
            Field("count", Kind.UINT64, "any", 9),
            Field("names", Kind.LIST, "names", 2, (Field("name", Kind.TEXT, "a name", 3),)),
            Field("data", Kind.BYTES, "bytes", 2),
        ),
    )
    registry = MessageRegistry((small,))

    def read(**fields: Any) -> Any:
        given = {"count": 1, "names": ["a"], "data": "0x00", **fields}
        return (
            read_content(
                written(tmp_path, messages=[{"type": small.name, "fields": given}]), registry
            )
            .messages[0]
            .body
        )

    assert read() == (1, ("a",), b"\0")
    for fields, place in (
        ({"count": 10}, "messages[0].fields.count: expected an integer in 0..9"),
        ({"count": True}, "messages[0].fields.count: expected an integer in 0..9"),
        ({"names": ["a", "long"]}, "messages[0].fields.names[1]: expected text of 1 to 3 bytes"),
        ({"names": ["a", "b", "c"]}, "messages[0]: names"),
        ({"data": "00"}, "messages[0].fields.data: expected 0x and hex digits"),
        ({"data": "0x000000"}, "messages[0]: data"),
    ):
        with pytest.raises(LocalError) as caught:
            read(**fields)
        assert place in str(caught.value)


def test_a_body_that_no_proposal_can_carry_is_refused_here(tmp_path: Path) -> None:
    names = Field("names", Kind.LIST, "names", None, (Field("name", Kind.TEXT, "a name"),))
    large = MessageType("town.large", "Large.", (names,))
    fields = {"names": ["x" * MAX_TEXT_BYTES] * (MAX_BODY_BYTES // MAX_TEXT_BYTES)}
    path = written(tmp_path, messages=[{"type": large.name, "fields": fields}])
    with pytest.raises(LocalError, match="at most 8192 bytes"):
        read_content(path, MessageRegistry((large,)))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"title":"a","title":"b"}', '{"title":1.5}'])
def test_a_file_that_is_no_such_document_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "proposal.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LocalError, match=r"proposal\.json: "):
        read_content(path, REGISTRY)


@pytest.mark.parametrize(
    "found",
    [*build_executor().registry.all(), *StakeholdersModule().handlers, CHANGE_PARAMETER],
    ids=lambda each: each.name,
)
def test_a_template_has_every_field_and_is_refused_until_it_is_filled_in(
    tmp_path: Path, found: MessageType
) -> None:
    document = template([found])
    (message,) = document["messages"]
    assert list(message["fields"]) == [field.name for field in found.fields]
    registry = MessageRegistry((found,))
    path = written(tmp_path, **document | {"document_hash": None})
    with pytest.raises(LocalError, match="title: expected your own text"):
        read_content(path, registry)
    filled = {"title": "x", "document": None, "document_hash": DOCUMENT_HASH, "legal_basis": None}
    if found.fields:
        with pytest.raises(LocalError, match=r"messages\[0\]\.fields\."):
            read_content(written(tmp_path, **document | filled), registry)


def test_the_arguments_of_a_dry_run_build_the_same_message(tmp_path: Path) -> None:
    """Members of a threshold account sign what `poyong tx build` makes of them."""
    content = read_content(written(tmp_path, messages=sending() * 2), REGISTRY)
    assert body_of(SUBMIT, tx_arguments(content)) == SUBMIT.encode(*content.values())
