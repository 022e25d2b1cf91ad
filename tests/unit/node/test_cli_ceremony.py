"""A genesis ceremony on the command line: what each organisation does, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from node import cli, config, keystore
from node.keystore import LOCAL_COST, KeyKind
from tests.support.ceremony_homes import (
    CHAIN_ID,
    MEMBERS,
    NODE_KEY,
    PASSWORD,
    STRANGER,
    Member,
    change,
    contribute_arguments,
    make_home,
    open_arguments,
)
from tests.support.shell import Shell

BASE_PORT: Final = 7_700
CITY_HALL, GIST, LAND, BUILDER = MEMBERS


class Ceremony:
    """Four organisations with a folder each, and the folder that they hand to each other."""

    def __init__(self, folder: Path, shell: Shell) -> None:
        self.folder = folder
        self.papers = folder / "ceremony"
        self.shell = shell
        for member in MEMBERS:
            make_home(folder, member, BASE_PORT)
        shell.json(*open_arguments(self.papers))

    def home(self, member: Member) -> Path:
        return self.folder / member.name / "node"

    def paper(self, member: Member, part: str = "contributions") -> Path:
        return self.papers / part / f"{member.name}.json"

    def words(self, command: str, *more: str) -> list[str]:
        return ["genesis", "ceremony", command, str(self.papers), *more]

    def at_home(self, command: str, member: Member) -> list[str]:
        return self.words(command, "--home", str(self.home(member)))

    def contribution(self, member: Member, **other: str) -> list[str]:
        """The command; options to change by name, without dashes."""
        options = contribute_arguments(self.folder, self.papers, member, BASE_PORT)
        options |= {f"--{name.replace('_', '-')}": value for name, value in other.items()}
        return self.words("contribute", *(w for pair in options.items() for w in pair))

    def contribute(self, *members: Member) -> None:
        for member in members:
            self.shell.json(*self.contribution(member))

    def assemble(self) -> Any:
        return self.shell.json(*self.words("assemble"))

    def refused(self, *words: str) -> str:
        """The sentence of a command that is refused; nothing in any folder has changed."""
        before = self.files()
        sentence = self.shell.refusal(*words)
        assert self.files() == before
        return sentence

    def files(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture
def ceremony(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Ceremony:
    monkeypatch.delenv(keystore.PASSWORD_VARIABLE, raising=False)
    return Ceremony(tmp_path, Shell(capsys))


@pytest.fixture
def contributed(ceremony: Ceremony) -> Ceremony:
    ceremony.contribute(*MEMBERS)
    return ceremony


@pytest.fixture
def assembled(contributed: Ceremony) -> Ceremony:
    contributed.assemble()
    return contributed


# What each does


def test_all_see_one_hash_sign_it_and_install_the_same_document(assembled: Ceremony) -> None:
    shell = assembled.shell
    seen = {
        shell.json(*assembled.at_home(word, m))["genesis_hash"]
        for m in MEMBERS
        for word in ("check", "sign")
    }
    status = shell.json(*assembled.words("status"))
    assert seen == {status["genesis_hash"]}
    assert status["complete"] is True
    assert status["wrong"] == []
    for member in MEMBERS:
        told = shell.json(*assembled.at_home("install", member))
        assert told["genesis_hash"] == status["genesis_hash"]
        settings = config.load(assembled.home(member) / config.CONFIG_FILE, {})
        assert len(settings.network.peers) == 3
        assert list(settings.network.peers) == told["peers"]
        own = keystore.read_key_info(assembled.home(member) / NODE_KEY).public_key.hex()
        assert own not in "".join(told["peers"])
        checked = shell.json("genesis", "check", str(assembled.home(member) / "genesis.json"))
        assert checked["genesis_hash"] == status["genesis_hash"]


def test_the_order_of_contributions_and_who_assembles_do_not_matter(ceremony: Ceremony) -> None:
    ceremony.contribute(BUILDER, LAND, CITY_HALL, GIST)
    first = ceremony.assemble()
    elsewhere = ceremony.folder / "elsewhere"
    shutil.copytree(ceremony.papers, elsewhere)
    (elsewhere / "genesis.json").unlink()
    again = ceremony.shell.json("genesis", "ceremony", "assemble", str(elsewhere))
    assert again["genesis_hash"] == first["genesis_hash"]
    documents = [folder / "genesis.json" for folder in (ceremony.papers, elsewhere)]
    assert documents[0].read_bytes() == documents[1].read_bytes()
    document = json.loads(documents[0].read_text(encoding="utf-8"))
    assert [seat["organisation"] for seat in document["validators"]] == [m.name_en for m in MEMBERS]
    stakeholders = document["modules"]["stakeholders"]["organisations"]
    assert [each["id"] for each in stakeholders] == [member.name for member in MEMBERS]
    assert {row["balance"] for row in document["modules"]["accounts"]["accounts"]} == {
        str(1000 * 10**18)
    }


def test_a_member_without_a_validator_key_brings_an_observer(ceremony: Ceremony) -> None:
    shutil.rmtree(ceremony.folder / BUILDER.name)
    make_home(ceremony.folder, BUILDER, BASE_PORT, observer=True)
    ceremony.contribute(*MEMBERS)
    ceremony.assemble()
    document = json.loads((ceremony.papers / "genesis.json").read_text(encoding="utf-8"))
    assert len(document["validators"]) == 3
    assert [each["name"] for each in document["observers"]] == ["Builder"]
    ceremony.shell.json(*ceremony.at_home("sign", BUILDER))


def test_an_auditor_checks_without_a_home(assembled: Ceremony) -> None:
    told = assembled.shell.json(*assembled.words("check", "--auditor"))
    assert told["members"] == [member.name for member in MEMBERS]


def test_peers_that_somebody_wrote_are_left_alone(assembled: Ceremony) -> None:
    for member in MEMBERS:
        assembled.shell.json(*assembled.at_home("sign", member))
    file = assembled.home(GIST) / config.CONFIG_FILE
    mine = f'peers = ["{"ab" * 32}@gist.example:1"]'
    file.write_text(file.read_text(encoding="utf-8").replace("peers = []", mine), encoding="utf-8")
    told = assembled.shell.json(*assembled.at_home("install", GIST))
    assert told["peers_written"] is False
    assert mine in file.read_text(encoding="utf-8")


def test_a_newcomer_installs_what_all_have_signed(assembled: Ceremony) -> None:
    home = make_home(assembled.folder, STRANGER, BASE_PORT)
    newcomer = ("install", "--newcomer", "--home", str(home))
    assert "has not signed yet" in assembled.refused(*assembled.words(*newcomer))
    for member in MEMBERS:
        assembled.shell.json(*assembled.at_home("sign", member))
    told = assembled.shell.json(*assembled.words(*newcomer))
    assert len(told["peers"]) == 4
    assert config.load(home / config.CONFIG_FILE, {}).network.peers == tuple(told["peers"])


def test_people_see_who_is_missing(ceremony: Ceremony) -> None:
    ceremony.contribute(GIST)
    code, out, _ = ceremony.shell(*ceremony.words("status"))
    assert code == cli.EXIT_FAILED
    assert out.count("missing") == 3 + 4
    assert "given" in out


# What is refused


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
        (lambda terms: terms.update(format="poyong-ceremony-2"), "format: expected"),
        (lambda terms: terms.update(extra=1), "extra: unknown option"),
        (lambda terms: terms["genesis"].update(validators=[]), "genesis.validators: unknown"),
        (lambda terms: terms["genesis"]["modules"].update(governance={}), "poyong genesis new"),
        (
            lambda terms: terms["genesis"]["modules"]["stakeholders"].update(organisations=[]),
            "they come from the contributions",
        ),
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


def test_a_document_that_was_changed_is_found(assembled: Ceremony) -> None:
    change(assembled.papers / "genesis.json", lambda genesis: genesis.update(name="Other"))
    for command in ("check", "sign"):
        said = assembled.refused(*assembled.at_home(command, GIST))
        assert "is not the document that follows from terms and contributions" in said


def test_seats_in_another_order_are_found(assembled: Ceremony) -> None:
    change(assembled.papers / "genesis.json", lambda genesis: genesis["validators"].reverse())
    said = assembled.refused(*assembled.at_home("check", GIST))
    assert "is not the document that follows" in said


def test_whoever_replaces_a_contribution_is_found_by_its_owner(assembled: Ceremony) -> None:
    """A thief of the keys, or an insider, could sign another one: the owner's copy tells."""
    assembled.paper(GIST).unlink()
    (assembled.papers / "genesis.json").unlink()
    kept = assembled.home(GIST) / "contribution.json"
    mine = kept.read_bytes()
    kept.unlink()
    assembled.shell.json(*assembled.contribution(GIST, balance="2000"))
    assembled.assemble()
    kept.write_bytes(mine)
    said = assembled.refused(*assembled.at_home("sign", GIST))
    assert "differs from" in said
    assert "somebody replaced it" in said


def test_nothing_is_checked_before_it_is_assembled(contributed: Ceremony) -> None:
    said = contributed.refused(*contributed.at_home("check", GIST))
    assert "run poyong genesis ceremony assemble once all have contributed" in said


def test_a_home_that_did_not_contribute_cannot_sign(assembled: Ceremony) -> None:
    make_home(assembled.folder, STRANGER, BASE_PORT)
    assert "contribution.json is missing" in assembled.refused(*assembled.at_home("sign", STRANGER))


def test_only_the_keys_of_the_contribution_sign(assembled: Ceremony) -> None:
    key = assembled.home(GIST) / NODE_KEY
    key.unlink()
    keystore.create_key(key, KeyKind.NODE, PASSWORD, cost=LOCAL_COST)
    said = assembled.refused(*assembled.at_home("sign", GIST))
    assert "signatures.node is not a signature" in said


def test_nothing_is_installed_before_all_have_signed(assembled: Ceremony) -> None:
    for member in MEMBERS[:3]:
        assembled.shell.json(*assembled.at_home("sign", member))
    assert "builder has not signed yet" in assembled.refused(*assembled.at_home("install", GIST))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (lambda a: a.update(genesis_hash="11" * 32), "signatures.validator is not a signature"),
        (lambda a: a.update(id="gist"), "id is 'gist', here it is 'builder'"),
        (lambda a: a.update(chain_id=True), "chain_id is True"),
        (lambda a: a.update(genesis_hash="1"), "genesis_hash: expected 64"),
        (lambda a: a["signatures"].clear(), "signatures: validator is missing"),
    ],
)
def test_an_approval_that_was_changed_is_refused(
    assembled: Ceremony, changed: Callable[[Any], object], sentence: str
) -> None:
    for member in MEMBERS:
        assembled.shell.json(*assembled.at_home("sign", member))
    change(assembled.paper(BUILDER, "approvals"), changed)
    assert sentence in assembled.refused(*assembled.at_home("install", GIST))
    code, out, _ = assembled.shell(*assembled.words("status"))
    assert code == cli.EXIT_FAILED
    assert "wrong: " in out


def test_who_signed_another_hash_is_named(assembled: Ceremony) -> None:
    """Builder signed before gist's contribution was made anew; the terms are the same."""
    assembled.shell.json(*assembled.at_home("sign", BUILDER))
    for path in (
        assembled.paper(GIST),
        assembled.home(GIST) / "contribution.json",
        assembled.papers / "genesis.json",
    ):
        path.unlink()
    assembled.shell.json(*assembled.contribution(GIST, balance="2000"))
    assembled.assemble()
    for member in MEMBERS[:3]:
        assembled.shell.json(*assembled.at_home("sign", member))
    _, out, _ = assembled.shell(*assembled.words("status"))
    assert "signed another genesis hash" in out
    said = assembled.refused(*assembled.at_home("install", GIST))
    assert "builder signed another genesis hash" in said


def test_a_genesis_in_the_home_is_not_replaced(assembled: Ceremony) -> None:
    for member in MEMBERS:
        assembled.shell.json(*assembled.at_home("sign", member))
    (assembled.home(GIST) / "genesis.json").write_text("{}", encoding="utf-8")
    assert "exists and is not replaced" in assembled.refused(*assembled.at_home("install", GIST))


def test_a_key_in_a_signer_takes_no_part(ceremony: Ceremony) -> None:
    file = ceremony.home(GIST) / config.CONFIG_FILE
    content = file.read_text(encoding="utf-8")
    content = content.replace('validator_key = "keys/validator.json"', 'validator_key = ""')
    content = content.replace('kind = "file"', 'kind = "remote"').replace(
        'public_key = ""', f'public_key = "{"ab" * 32}"'
    )
    content = content.replace('address = ""', 'address = "unix:signer.sock"')
    file.write_text(content, encoding="utf-8")
    assert "a signer signs votes alone" in ceremony.refused(*ceremony.contribution(GIST))


def test_what_modules_refuse_is_refused_at_assembling(contributed: Ceremony) -> None:
    """An unknown section of the terms; everybody had bound themselves to it."""
    for path in contributed.papers.glob("contributions/*"):
        path.unlink()
    for member in MEMBERS:
        (contributed.home(member) / "contribution.json").unlink()
    change(
        contributed.papers / "terms.json",
        lambda terms: terms["genesis"]["modules"].update(landd={}),
    )
    contributed.contribute(*MEMBERS)
    said = contributed.refused(*contributed.words("assemble"))
    assert "no module is called 'landd'" in said
