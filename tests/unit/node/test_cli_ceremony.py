"""A genesis ceremony on the command line: what each organisation does, and does not sign."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from node import cli, config
from node.keys import keystore
from node.keys.keystore import LOCAL_COST, KeyKind
from tests.support.ceremony_homes import (
    BASE_PORT,
    MEMBERS,
    NODE_KEY,
    PASSWORD,
    STRANGER,
    Ceremony,
    change,
    make_home,
)

CITY_HALL, GIST, LAND, BUILDER = MEMBERS


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
        '\npublic_key = ""', f'\npublic_key = "{"ab" * 32}"'
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
