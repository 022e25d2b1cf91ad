"""Threshold accounts on the command line: their descriptors, and members who sign in turns."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from api.encoding import hex_of
from governance.deciding import ADD_OBSERVER
from ledger import threshold
from ledger.crypto import Ed25519Signer, Secp256k1Signer, checksum_address
from ledger.transaction import decode_transaction, verify_transaction
from node import cli
from node.keys import keystore
from node.keys.keystore import LOCAL_COST, KeyKind
from tests.support.shell import Shell

PASSWORD: Final = "correct horse battery"
NAMES: Final = ("City hall 시청", "GIST", "Builder")
SIGNERS: Final = {name: Ed25519Signer(bytes([n + 1]) * 32) for n, name in enumerate(NAMES)}
STRANGER: Final = Ed25519Signer(b"s" * 32)
HIGHEST: Final = max(
    (Ed25519Signer(bytes([n]) * 32) for n in range(9, 200)), key=lambda signer: signer.public_key
)
"""A stranger whose key comes after those of all members."""
WALLET: Final = Secp256k1Signer(b"w" * 32)
CHAIN_ID: Final = 7
OFFLINE: Final = ("--nonce", "5", "--chain-id", str(CHAIN_ID), "--valid-until", "99")
DECISION: Final = (ADD_OBSERVER.name, "node_key=0x" + "ab" * 32, "name=Library")


@pytest.fixture
def shell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Shell:
    monkeypatch.setenv(keystore.PASSWORD_VARIABLE, PASSWORD)
    monkeypatch.chdir(tmp_path)
    for name, signer in SIGNERS.items():
        seed = bytes([NAMES.index(name) + 1]) * 32
        info = keystore.create_key(
            Path(f"{name}.json"), KeyKind.ACCOUNT, PASSWORD, label=name, seed=seed, cost=LOCAL_COST
        )
        assert info.public_key == signer.public_key
    return Shell(capsys)


def key(name: str) -> str:
    return f"{name}.json"


def described(shell: Shell, needed: int = 2, file: str = "authority") -> Any:
    keys = [word for name in NAMES for word in ("--key", key(name))]
    return shell.json("keys", "threshold", file, "--threshold", str(needed), *keys)


def built(shell: Shell, *options: str, file: str = "draft") -> str:
    """A decision of the account, unsigned, in a file."""
    code, out, err = shell("tx", "build", *DECISION, "--from", "authority", *OFFLINE, *options)
    assert code == 0, err
    Path(file).write_text(out, encoding="utf-8")
    return file


def signed(shell: Shell, source: str, name: str, to: str) -> str:
    """What the command says of the signatures, after one more; what was signed stands before."""
    code, out, said = shell("tx", "sign", source, "--key", key(name))
    assert code == 0, said
    assert said.startswith("What is signed:\naccount ")
    Path(to).write_text(out, encoding="utf-8")
    return said.splitlines(keepends=True)[-1]


def changed(source: str, to: str, change: Callable[[dict[str, Any]], object]) -> str:
    content = json.loads(Path(source).read_text(encoding="utf-8"))
    change(content)
    Path(to).write_text(json.dumps(content), encoding="utf-8")
    return to


# Descriptors


def test_a_descriptor_from_key_files_has_the_ledgers_address(shell: Shell) -> None:
    """The same from hex, in another order, without the names."""
    found = described(shell)
    witness = threshold.create(bytes(32), 2, tuple(s.public_key for s in SIGNERS.values()))
    assert found["address"] == checksum_address(witness.address)
    assert [bytes.fromhex(m["public_key"]) for m in found["members"]] == list(witness.members.keys)
    assert {m["name"] for m in found["members"]} == set(NAMES)
    assert shell.json("keys", "show", "authority") == found
    keys = [w for n in reversed(NAMES) for w in ("--key", "0x" + SIGNERS[n].public_key.hex())]
    again = shell.json("keys", "threshold", "--threshold", "2", *keys)
    assert again["address"] == found["address"]
    assert again["file"] == f"{found['address']}.json"
    assert {member["name"] for member in again["members"]} == {""}


def test_members_come_from_other_descriptors_and_under_other_names(shell: Shell) -> None:
    described(shell)
    wallet = f"Wallet={WALLET.public_key.hex()}"
    found = shell.json(
        "keys", "threshold", "wider", "--threshold", "3", "--key", "authority", "--key", wallet
    )
    assert {m["name"] for m in found["members"]} == {*NAMES, "Wallet"}
    assert len(found["members"][0]["public_key"]) == 66, "a secp256k1 key comes first"


def test_another_salt_gives_another_account_of_the_same_members(shell: Shell) -> None:
    options = ("--threshold", "1", "--key", key("GIST"))
    first = shell.json("keys", "threshold", "a", *options)
    second = shell.json("keys", "threshold", "b", *options, "--salt", "11" * 32)
    assert first["address"] != second["address"]
    assert shell.json("keys", "show", "b")["salt"] == "11" * 32


def test_people_see_who_has_to_sign(shell: Shell) -> None:
    described(shell)
    _, out, _ = shell("keys", "show", "authority")
    assert "2 of 3 signatures" in out
    assert all(f"{SIGNERS[name].public_key.hex()}  {name}" in out for name in NAMES)


GIST: Final = ("--key", "GIST.json")
GIST_HEX: Final = SIGNERS["GIST"].public_key.hex()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("2", *GIST), "the threshold is 2, with 1 keys it can be 1 to 1"),
        (("1", *GIST, *GIST), "is named twice"),
        (("1", *GIST, "--key", f"Else={GIST_HEX}"), "is named twice"),
        (("1", *GIST, "--key", f"GIST={STRANGER.public_key.hex()}"), "two members are called"),
        (("1", "--key", "absent.json"), "or a file, found 'absent.json'"),
        (("1", "--key", "ab" * 31), "expected a key of 64 or 66 hex digits, or a file"),
        (("1", "--key", "02" + "00" * 32), "compressed secp256k1"),
        (("1", "--key", "05" + "11" * 32), "compressed secp256k1"),
        (("1", "--key", "ff" * 32), "is no Ed25519 key"),
        (("1", "--key", f"a\x1b[2J={GIST_HEX}"), "control character"),
        (("1", "--key", f"{'x' * 129}={GIST_HEX}"), "at most 128 characters"),
        (("1", *GIST, "--salt", "00"), "--salt: expected 64 hex digits"),
        (("1", *GIST, "--rotated", "0x00"), "--rotated: expected an address"),
        (("1", *GIST, "--salt", "00" * 32, "--rotated", "0x" + "ab" * 20), "leave --salt out"),
    ],
)
def test_wrong_members_are_refused_and_nothing_is_written(
    shell: Shell, options: Sequence[str], said: str
) -> None:
    assert said in shell.refusal("keys", "threshold", "new", "--threshold", *options)
    assert not Path("new").exists()


def test_more_members_than_the_ledger_allows_are_refused(shell: Shell) -> None:
    keys = [Ed25519Signer(bytes([n]) * 32).public_key.hex() for n in range(33)]
    options = [word for text in keys for word in ("--key", text)]
    assert "at most 32 keys, found 33" in shell.refusal(
        "keys", "threshold", "new", "--threshold", "1", *options
    )
    most = shell.json("keys", "threshold", "new", "--threshold", "32", *options[:64])
    assert len(most["members"]) == 32


def test_only_account_keys_become_members(shell: Shell) -> None:
    keystore.create_key(Path("vote.json"), KeyKind.VALIDATOR, PASSWORD, cost=LOCAL_COST)
    said = shell.refusal("keys", "threshold", "new", "--threshold", "1", "--key", "vote.json")
    assert "of kind validator; members sign with keys of kind account" in said


def test_a_descriptor_is_never_replaced(shell: Shell) -> None:
    described(shell)
    before = Path("authority").read_bytes()
    options = ("--threshold", "1", "--key", key("GIST"))
    assert "is not replaced" in shell.refusal("keys", "threshold", "authority", *options)
    assert Path("authority").read_bytes() == before


def swap(members: list[Any]) -> None:
    members[0], members[1] = members[1], members[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(threshold=1), "the file was changed"),
        (lambda d: d.update(salt="11" * 32), "the file was changed"),
        (lambda d: d["members"].pop(), "the file was changed"),
        (lambda d: d["members"][-1].update(public_key=HIGHEST.public_key.hex()), "was changed"),
        (lambda d: d.update(address="0x" + "ab" * 20), "the file was changed"),
        (lambda d: d.update(address="0x" + "aB" * 20), "address: expected an address"),
        (lambda d: d.update(threshold=4), "with 3 keys it can be 1 to 3"),
        (lambda d: d.update(threshold="2"), "describes no threshold account"),
        (lambda d: d.update(extra=1), "describes no threshold account"),
        (lambda d: d.update(members=[]), "1 to 32 keys, found 0"),
        (lambda d: d.update(salt="zz"), "salt: expected 64 hex digits"),
        (lambda d: swap(d["members"]), "distinct and ascending"),
        (lambda d: d["members"].insert(0, d["members"][0]), "distinct and ascending"),
        (lambda d: d["members"][0].update(public_key="ab"), "members[0].public_key"),
        (lambda d: d["members"][0].update(name="x\n"), "control character"),
    ],
)
def test_a_changed_descriptor_is_refused_wherever_it_is_read(
    shell: Shell, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    described(shell)
    changed("authority", "forged", change)
    for command in (
        ("keys", "show", "forged"),
        ("keys", "threshold", "new", "--threshold", "1", "--key", "forged"),
        ("tx", "build", *DECISION, "--from", "forged", *OFFLINE),
    ):
        assert said in shell.refusal(*command)


def test_a_file_that_is_no_descriptor_is_named(shell: Shell) -> None:
    Path("text").write_text("years of work", encoding="utf-8")
    Path("long").write_bytes(b" " * 70_000)
    build = ("tx", "build", *DECISION, *OFFLINE, "--from")
    assert "text: it is not JSON" in shell.refusal(*build, "text")
    assert "long: it has 65537 bytes, at most 65536" in shell.refusal(*build, "long")
    assert "describes no threshold account" in shell.refusal(*build, key("GIST"))
    assert "--from: expected an address" in shell.refusal(*build, "absent")


# Signing


def test_members_sign_in_turns(shell: Shell) -> None:
    """Each reads what the one before signed, and sees who is still needed."""
    account = described(shell)
    built(shell)
    before = ", ".join(m["name"] for m in account["members"] if m["name"] != "Builder")
    assert signed(shell, "draft", "Builder", "one") == (
        f"1 of 2 signatures, still needed: 1 from {before}\n"
    )
    assert "cannot be sent yet: 1 of 2 signatures" in shell.refusal("tx", "send", "one")
    assert "cannot be sent yet" in shell.refusal("tx", "decode", "one", "--chain-id", "7")
    assert signed(shell, "one", "GIST", "two") == (
        "2 of 2 signatures: send it with poyong tx send\n"
    )
    decoded = shell.json("tx", "decode", "two", "--chain-id", str(CHAIN_ID))
    assert (decoded["sender"], decoded["signature_valid"]) == (account["address"], True)
    assert "nothing is missing" in shell.refusal("tx", "sign", "two", "--key", key(NAMES[0]))


def test_members_sign_one_file_in_place(shell: Shell) -> None:
    described(shell)
    built(shell)
    for name in ("GIST", "Builder"):
        code, out, err = shell("tx", "sign", "draft", "--key", key(name), "--output", "draft")
        assert (code, out) == (0, ""), err
    assert shell.json("tx", "decode", "draft", "--chain-id", "7")["signature_valid"]


def test_members_sign_apart_and_one_combines(shell: Shell) -> None:
    """In whatever order the files are named, also when some overlap, the same comes out."""
    described(shell)
    built(shell)
    for name in NAMES:
        signed(shell, "draft", name, f"{name}.part")
    parts = [f"{name}.part" for name in NAMES]
    both = shell.json("tx", "combine", parts[1], parts[2])
    assert shell.json("tx", "combine", parts[2], parts[1], parts[1], "draft") == both
    every = shell.json("tx", "combine", *parts)
    assert len(every["signatures"]) == 3
    assert verify_transaction(decode_transaction(bytes.fromhex(every["raw"][2:]), CHAIN_ID))
    code, out, said = shell("tx", "combine", parts[0])
    assert code == 0
    assert "raw" not in json.loads(out)
    assert said.startswith("1 of 2 signatures, still needed: 1 from ")
    shell("tx", "combine", *parts[:2], "--output", "both")
    assert shell.json("tx", "combine", "both", parts[2]) == every


def test_a_partial_transaction_is_explained(shell: Shell) -> None:
    account = described(shell)
    built(shell)
    signed(shell, "draft", "GIST", "one")
    found = shell.json("tx", "show", "one")
    assert found["fields"] == {"node_key": "0x" + "ab" * 32, "name": "Library"}
    assert (found["account"], found["nonce"], found["valid_until"]) == (account["address"], 5, 99)
    assert (found["signed"], found["needed"], found["hash"]) == (["GIST"], 1, None)
    assert set(found["unsigned"]) == {"City hall 시청", "Builder"}
    _, out, _ = shell("tx", "show", "one")
    assert found["digest"] in out
    assert "signed by" in out
    assert "1 of 2 signatures, still needed: 1 from " in out
    signed(shell, "one", "Builder", "two")
    shown = shell.json("tx", "show", "two")
    assert shown["hash"] == json.loads(Path("two").read_text())["hash"]
    assert (shown["digest"], shown["needed"]) == (found["digest"], 0)


def test_a_draft_of_one_key_is_explained_too(shell: Shell) -> None:
    _, out, _ = shell("tx", "build", "transfer.send", "to=0x" + "ab" * 20, "amount=1", *OFFLINE)
    Path("plain").write_text(out, encoding="utf-8")
    assert shell.json("tx", "show", "plain")["fields"]["amount"] == str(10**18)
    assert "Not signed yet." in shell("tx", "show", "plain")[1]
    Path("done").write_text(
        json.dumps(shell.json("tx", "sign", "plain", "--local", "4")), encoding="utf-8"
    )
    assert "poyong tx decode shows it" in shell.refusal("tx", "show", "done")
    assert "has one key" in shell.refusal("tx", "combine", "plain")
    assert "is of a transaction in a block" in shell.refusal(
        "tx", "show", "plain", "--proof", "proof"
    )
    assert "found 'absent'" in shell.refusal("tx", "show", "absent")


def test_a_foreign_key_and_a_second_signature_are_refused(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any password is asked for."""
    described(shell)
    built(shell)
    signed(shell, "draft", "GIST", "one")
    keystore.create_key(Path("s.json"), KeyKind.ACCOUNT, PASSWORD, cost=LOCAL_COST)
    monkeypatch.setenv(keystore.PASSWORD_VARIABLE, "another password")
    said = shell.refusal("tx", "sign", "one", "--key", "s.json")
    assert "is no member of 0x" in said
    assert all(name in said for name in NAMES)
    assert "GIST has signed already" in shell.refusal("tx", "sign", "one", "--key", key("GIST"))
    assert "is no member" in shell.refusal("tx", "sign", "one", "--local", "4")
    assert "say which key signs" in shell.refusal("tx", "sign", "one")


NEW_BODY: Final = hex_of(b"\x92\xc4\x20" + b"\xee" * 32 + b"\xa7Library")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(body=NEW_BODY), "GIST did not sign this"),
        (lambda d: d.update(nonce=6), "GIST did not sign this"),
        (lambda d: d.update(chain_id=8), "GIST did not sign this"),
        (lambda d: d.update(fee=1), "GIST did not sign this"),
        (lambda d: d.update(valid_until=100), "GIST did not sign this"),
        (lambda d: d["signatures"][0].update(signature="0x" + "00" * 64), "did not sign this"),
        (lambda d: d["signatures"][0].update(signature="zz"), "hex text starts with 0x"),
        (lambda d: d["signatures"][0].update(public_key="ff" * 32), "is no Ed25519 key"),
        (
            lambda d: d["signatures"][0].update(public_key=STRANGER.public_key.hex()),
            "is no member",
        ),
        (lambda d: d["signatures"].append(d["signatures"][0]), "GIST is listed twice"),
        (lambda d: d.update(signatures={}), "expected a list of at most 32"),
        (lambda d: d.update(signatures=d["signatures"] * 33), "expected a list of at most 32"),
        (lambda d: d.update(signatures=[7]), "signatures[0]: expected an object"),
        (lambda d: d.update(raw="0x98"), "raw is not what its signatures give"),
        (lambda d: d["account"].update(threshold=1), "account: its members and threshold give"),
        (lambda d: d.update(account=7), "describes no threshold account"),
    ],
)
def test_whatever_is_changed_after_a_signature_is_refused_by_every_step(
    shell: Shell, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    described(shell)
    built(shell)
    signed(shell, "draft", "GIST", "one")
    changed("one", "forged", change)
    for command in (
        ("tx", "sign", "forged", "--key", key("Builder")),
        ("tx", "combine", "one", "forged"),
        ("tx", "show", "forged"),
        ("tx", "send", "forged"),
    ):
        assert said in shell.refusal(*command)


def test_a_complete_file_with_another_envelope_is_not_sent(shell: Shell) -> None:
    described(shell)
    built(shell)
    signed(shell, "draft", "GIST", "one")
    signed(shell, "one", "Builder", "two")
    changed("two", "forged", lambda d: d.update(raw=d["raw"][:-2] + "00"))
    assert "raw is not what its signatures give" in shell.refusal("tx", "send", "forged")


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--nonce", "6"), "nonce is 6, not 5"), (("--fee", "1"), "fee is 1, not 0")],
)
def test_parts_of_different_transactions_are_not_combined(
    shell: Shell, options: Sequence[str], said: str
) -> None:
    described(shell)
    built(shell)
    signed(shell, "draft", "GIST", "one")
    signed(shell, built(shell, *options, file="other"), "Builder", "two")
    assert f"two is of another transaction: {said}" in shell.refusal("tx", "combine", "one", "two")


def test_parts_for_different_accounts_are_not_combined(shell: Shell) -> None:
    described(shell)
    built(shell)
    signed(shell, "draft", "GIST", "one")
    Path("authority").unlink()
    described(shell, needed=3)
    signed(shell, built(shell, file="other"), "Builder", "two")
    assert "two is of another transaction: it is for 0x" in shell.refusal(
        "tx", "combine", "one", "two"
    )


def test_a_member_whose_key_lives_elsewhere_hands_in_a_signature(shell: Shell) -> None:
    """A wallet's secp256k1 key signs the bytes that tx show gives."""
    wallet = f"Wallet={WALLET.public_key.hex()}"
    shell.json(
        *("keys", "threshold", "authority", "--threshold", "2"),
        *("--key", key("GIST"), "--key", wallet),
    )
    built(shell)
    message = bytes.fromhex(shell.json("tx", "show", "draft")["signing_bytes"][2:])
    signature = f"{WALLET.public_key.hex()}=0x{WALLET.sign(message).hex()}"
    one = shell.json("tx", "sign", "draft", "--signature", signature)
    Path("one").write_text(json.dumps(one), encoding="utf-8")
    signed(shell, "one", "GIST", "two")
    assert shell.json("tx", "decode", "two", "--chain-id", "7")["signature_valid"]
    wrong = f"{WALLET.public_key.hex()}={WALLET.sign(message + b'!').hex()}"
    for text, said in (
        (wrong, "this is no signature of Wallet for this transaction"),
        (wrong[:-1], "expected KEY=SIGNATURE in hex"),
        ("x", "--signature: expected an Ed25519 key"),
    ):
        assert said in shell.refusal("tx", "sign", "draft", "--signature", text)
    assert "say one of" in shell.refusal(
        "tx", "sign", "draft", "--signature", signature, "--local", "4"
    )


def test_a_rotation_is_checked_before_anybody_signs(shell: Shell) -> None:
    described(shell)
    keys = sorted((SIGNERS["GIST"].public_key, STRANGER.public_key))

    def build(members: Sequence[bytes], *options: str) -> tuple[str, ...]:
        listed = json.dumps([hex_of(member) for member in members])
        message = ("threshold.rotate", "threshold=1", f"members={listed}")
        return ("tx", "build", *message, *OFFLINE, *options)

    assert "ascending" in shell.refusal(*build(keys[::-1], "--from", "authority"))
    assert "only a threshold account sends" in shell.refusal(*build(keys))
    assert shell(*build(keys, "--from", "authority"))[0] == 0


def test_after_a_rotation_the_new_members_sign_for_the_old_address(shell: Shell) -> None:
    address = described(shell)["address"]
    found = shell.json(
        *("keys", "threshold", "rotated", "--threshold", "1"),
        *("--key", key("GIST"), "--rotated", address),
    )
    assert (found["address"], found["rotated"]) == (address, True)
    assert shell.json("keys", "show", "rotated") == found
    assert "the chain alone can confirm" in shell("keys", "show", "rotated")[1]
    code, out, _ = shell("tx", "build", *DECISION, "--from", "rotated", *OFFLINE)
    assert code == 0
    Path("draft").write_text(out, encoding="utf-8")
    signed(shell, "draft", "GIST", "one")
    assert shell.json("tx", "decode", "one", "--chain-id", "7")["sender"] == address


def test_what_no_node_would_take_is_refused_when_it_is_built(shell: Shell) -> None:
    """Before organisations have signed for nothing."""
    described(shell)
    late = ("--nonce", str(2**64 - 1), "--chain-id", "7", "--valid-until", "9")
    said = shell.refusal("tx", "build", *DECISION, "--from", "authority", *late)
    assert "no node would take this: nonce" in said


def test_too_many_files_are_refused(shell: Shell) -> None:
    described(shell)
    built(shell)
    assert "at most 64 files" in shell.refusal("tx", "combine", *["draft"] * 65)
    assert shell("tx", "combine")[0] == cli.EXIT_USAGE
