"""A genesis ceremony on the command line: terms and contributions that are refused."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from node import cli
from tests.support.ceremony_homes import (
    BASE_PORT,
    CHAIN_ID,
    MEMBERS,
    NODE_KEY,
    STRANGER,
    Ceremony,
    change,
    open_arguments,
)

CITY_HALL, GIST, LAND, BUILDER = MEMBERS


def test_terms_that_exist_are_not_replaced(ceremony: Ceremony) -> None:
    assert "exists and is not replaced" in ceremony.refused(*open_arguments(ceremony.papers))


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        (["gist", "gist"], "'gist' is there twice"),
        (["GIST"], "an id of a-z, 0-9 and -"),
        (["../up"], "an id of a-z, 0-9 and -"),
        ([f"m{n}" for n in range(33)], "expected 1 to 32 ids, found 33"),
    ],
)
def test_members_have_to_be_distinct_ids(
    ceremony: Ceremony, members: list[str], sentence: str
) -> None:
    words = [word for name in members for word in ("--member", name)]
    opened = ("genesis", "ceremony", "open", str(ceremony.folder / "other"))
    refused = ceremony.refused(*opened, "--chain-id", "1", "--name", "x", *words)
    assert sentence in refused


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            lambda terms: terms.update(format="poyong-ceremony-2"),
            "has format poyong-ceremony-2, this",
        ),
        (lambda terms: terms.update(extra=1), "extra: unknown option"),
        (lambda terms: terms["genesis"].update(validators=[]), "genesis.validators: unknown"),
        (lambda terms: terms["genesis"]["modules"].update(governance={}), "poyong genesis new"),
        (
            lambda terms: terms["genesis"]["modules"]["stakeholders"].update(organisations=[]),
            "they come from the contributions",
        ),
        (lambda terms: terms["genesis"].update(local=True), "genesis.local: unknown option"),
        (lambda terms: terms["genesis"].pop("time_ms"), "genesis: time_ms is missing"),
    ],
)
def test_terms_that_say_what_contributions_bring_are_refused(
    ceremony: Ceremony, changed: Callable[[Any], object], sentence: str
) -> None:
    change(ceremony.papers / "terms.json", changed)
    assert sentence in ceremony.refused(*ceremony.contribution(GIST))


def test_a_folder_without_terms_is_none_of_a_ceremony(ceremony: Ceremony) -> None:
    said = ceremony.refused("genesis", "ceremony", "status", str(ceremony.folder / "nowhere"))
    assert "is no folder of a ceremony" in said


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("id", STRANGER.name, "'hospital' is no member of this ceremony"),
        ("chamber", "chamber.participants", "chamber: expected one of chamber.public"),
        ("address", "gist.example", "address: expected HOST:PORT"),
        ("address", "gist.example:70000", "address: expected HOST:PORT"),
        ("name_ko", "", "name_ko: expected text of 1 to 64 bytes"),
        ("name_en", " GIST", "without spaces around it"),
        ("balance", "-1", "expected tokens such as"),
    ],
)
def test_a_contribution_that_others_would_refuse_is_not_made(
    ceremony: Ceremony, option: str, value: str, sentence: str
) -> None:
    assert sentence in ceremony.refused(*ceremony.contribution(GIST, **{option: value}))


def test_nobody_contributes_twice(ceremony: Ceremony) -> None:
    ceremony.contribute(GIST)
    assert "exists and is not replaced" in ceremony.refused(*ceremony.contribution(GIST))


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"name_ko": GIST.name_ko}, f"gist and builder have the same Korean name, {GIST.name_ko}"),
        ({"name_en": GIST.name_en}, "gist and builder have the same English name, GIST"),
        ({"address": f"127.0.0.1:{BASE_PORT + 3}"}, "gist and builder have the same address"),
    ],
)
def test_two_members_share_nothing_that_only_one_can_have(
    ceremony: Ceremony, other: dict[str, str], sentence: str
) -> None:
    ceremony.contribute(GIST)
    assert sentence in ceremony.refused(*ceremony.contribution(BUILDER, **other))


def test_two_members_with_one_key_are_refused(ceremony: Ceremony) -> None:
    ceremony.contribute(GIST)
    shutil.copy(ceremony.home(GIST) / NODE_KEY, ceremony.home(BUILDER) / NODE_KEY)
    assert "gist and builder have the same key" in ceremony.refused(*ceremony.contribution(BUILDER))


def test_two_members_with_one_account_are_refused(ceremony: Ceremony) -> None:
    ceremony.contribute(GIST)
    account = str(ceremony.folder / GIST.name / "organisation.json")
    said = ceremony.refused(*ceremony.contribution(BUILDER, account=account))
    assert "gist and builder have the same account" in said


def test_a_missing_member_is_named(ceremony: Ceremony) -> None:
    ceremony.contribute(CITY_HALL, GIST)
    said = ceremony.refused(*ceremony.words("assemble"))
    assert "the contribution of land-corporation, builder is missing: all of 4" in said


def test_a_contribution_of_a_stranger_is_one_too_many(contributed: Ceremony) -> None:
    shutil.copy(contributed.paper(GIST), contributed.paper(STRANGER))
    said = contributed.refused(*contributed.words("assemble"))
    assert "has 5 files, and 'hospital' is no member of this ceremony: its 4 members are" in said


def test_a_contribution_under_anothers_name_is_refused(contributed: Ceremony) -> None:
    shutil.copy(contributed.paper(GIST), contributed.paper(BUILDER))
    said = contributed.refused(*contributed.words("assemble"))
    assert "it is the contribution of gist, whose file has another name" in said


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (lambda c: c.update(chain_id=CHAIN_ID + 1), f"it was made for chain {CHAIN_ID + 1}"),
        (lambda c: c.update(chain_id=True), "it was made for chain True"),
        (lambda c: c.update(terms="00" * 32), "it was made for other terms"),
        (lambda c: c.update(balance="5"), "signatures.validator is not a signature"),
        (lambda c: c.update(balance="05"), "balance: expected decimal text"),
        (lambda c: c.update(name_en="GIST "), "without spaces around it"),
        (lambda c: c.update(address="evil.example:1"), "signatures.validator is not a signature"),
        (lambda c: c.update(node_key="ab" * 32), "signatures.validator is not a signature"),
        (lambda c: c.update(public_key=""), "signatures.validator: unknown option"),
        (lambda c: c.update(public_key=c["node_key"]), "node_key and public_key are one key"),
        (lambda c: c["signatures"].update(node="00" * 64), "signatures.node is not a signature"),
        (lambda c: c["signatures"].update(node="AB" * 64), "128 lower-case hex digits"),
        (lambda c: c["signatures"].pop("node"), "signatures: node is missing"),
        (lambda c: c["account"].update(threshold=2), "account"),
        (lambda c: c.update(more=1), "more: unknown option"),
        (lambda c: c.pop("chamber"), "chamber is missing"),
        (lambda c: c.update(format="poyong-key-1"), "format: expected 'poyong-contribution-1'"),
    ],
)
def test_a_contribution_that_was_changed_is_refused(
    contributed: Ceremony, changed: Callable[[Any], object], sentence: str
) -> None:
    change(contributed.paper(GIST), changed)
    said = contributed.refused(*contributed.words("assemble"))
    assert sentence in said
    assert str(contributed.paper(GIST)) in said
    code, out, _ = contributed.shell(*contributed.words("status"))
    assert code == cli.EXIT_FAILED
    assert "wrong: " in out


def test_a_contribution_that_is_no_json_or_too_long_is_refused(contributed: Ceremony) -> None:
    contributed.paper(GIST).write_bytes(b"\xff")
    assert "it is not UTF-8" in contributed.refused(*contributed.words("assemble"))
    contributed.paper(GIST).write_bytes(b" " * 70_000)
    assert "at most 65536 are allowed" in contributed.refused(*contributed.words("assemble"))


def test_terms_that_change_after_a_contribution_make_it_void(contributed: Ceremony) -> None:
    change(contributed.papers / "terms.json", lambda terms: terms["genesis"].update(name="Other"))
    said = contributed.refused(*contributed.words("assemble"))
    assert "it was made for other terms" in said
