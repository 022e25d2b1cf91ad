"""What an operator gives by mistake: each function makes one mistake in the folder `at` that
make_scene has filled."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from node import assembly, cli, config
from node.backups.backup import backup
from node.keys.keystore import LOCAL_COST, KeyKind, create_key
from node.localnet.creation import PASSWORD, Wish, prepare
from node.signing.settings import SIGNER_FILE, Pkcs11Config, SignerConfig, load_home, render_home
from node.store.data_folder import FILE
from node.votes import wal_format
from tests.support.refusals import change
from tests.support.sealed_chain import SealedChain
from tests.support.signer_homes import own_home

SECRET: Final = "a long backup password"


def home_of(at: Path) -> Path:
    return at / "home"


def make_scene(at: Path, base_port: int) -> None:
    """`home` and `other` of two validators of one chain with some blocks, `newcomer` without a
    chain, a `signer`, and a backup and a snapshot of that chain."""
    (at / "town").mkdir()
    plan = prepare(at / "town", Wish(validators=2, idle=True, base_port=base_port))
    (at / "town" / plan.validators[0].name).rename(home_of(at))
    (at / "town" / plan.validators[1].name).rename(at / "other")
    shutil.copytree(home_of(at), at / "newcomer")
    shutil.rmtree(at / "town")
    with SealedChain(home_of(at), at / "other") as chain:
        for _ in range(3):
            chain.block()
    backup(home_of(at), at / "node.backup", SECRET, keys=True, cost=LOCAL_COST)
    assert cli.run(["snapshot", "create", "--home", str(at / "other")]) == assembly.EXIT_OK
    (made,) = (at / "other/data/snapshots").iterdir()
    made.rename(at / "some.snapshot")
    own_home(at / "signer")


def nothing(at: Path) -> None:
    pass


def other_genesis(at: Path) -> None:
    """That of a chain with another name, on the folder of this one."""
    _rename_chain(home_of(at) / "genesis.json")


def other_chain_of_newcomer(at: Path) -> None:
    """The node without a chain belongs to a chain with another name."""
    _rename_chain(at / "newcomer/genesis.json")


def _rename_chain(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"name": "another town"}), encoding="utf-8")


def no_genesis(at: Path) -> None:
    (home_of(at) / "genesis.json").unlink()


def cut_genesis(at: Path) -> None:
    (home_of(at) / "genesis.json").write_text('{"chain_id": 82062,')


def later_genesis(at: Path) -> None:
    path = home_of(at) / "genesis.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"format": 2}), encoding="utf-8")


def relabelled(**changes: object) -> Callable[[Path], None]:
    """The data folder of a later release, which says so in its label."""

    def mistake(at: Path) -> None:
        path = home_of(at) / "data" / FILE
        found = json.loads(path.read_text(encoding="utf-8"))
        later = {"software": "poyong/7.0.0"} | changes
        path.write_text(json.dumps(found | later), encoding="utf-8")

    return mistake


def later_vote_record(at: Path) -> None:
    path = home_of(at) / "data" / "votes" / "votes-0.wal"
    data = path.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wal_format, "_FILE_MAGIC", b"poyong votes 2\0\0")
        header = wal_format.file_header(data[16:32], 0)
    path.write_bytes(header + data[len(header) :])


def in_file(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Another text in a file of the node."""
    return lambda at: change(home_of(at) / name, old, new)


def other_organisation(at: Path) -> None:
    """Configuration and keys of the other validator, on the folder of this one."""
    for name in ("keys/validator.json", "keys/node.json", config.CONFIG_FILE):
        shutil.copy(at / "other" / name, home_of(at) / name)


def other_node_key(at: Path) -> None:
    """A node key that the chain does not know."""
    (home_of(at) / "keys/node.json").unlink()
    create_key(home_of(at) / "keys/node.json", KeyKind.NODE, PASSWORD, cost=LOCAL_COST)


def damaged(name: str, change_of: Callable[[bytes], bytes | None]) -> Callable[[Path], None]:
    """Another content of a file; None: it is not there."""

    def mistake(at: Path) -> None:
        content = change_of((at / name).read_bytes())
        if content is None:
            (at / name).unlink()
        else:
            (at / name).write_bytes(content)

    return mistake


def flipped(at_byte: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at_byte] + bytes((data[at_byte] ^ 1,)) + data[at_byte + 1 :]


def gone(data: bytes) -> None:
    return None


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def password_of_another(at: Path) -> None:
    (home_of(at) / "keys/password").write_text("not the password\n")


def occupied(at: Path) -> None:
    """There is something where the restored node is to be."""
    (at / "made/there").mkdir(parents=True)
    (at / "made/there/notes.txt").write_text("mine")


def other_signer(at: Path) -> None:
    """The signer's folder with the settings of another chain."""
    file = at / "signer" / SIGNER_FILE
    found = load_home(at / "signer")
    file.write_text(render_home(replace(found, signer=replace(found.signer, chain_id=8))))


def key_in_module(at: Path, module: Pkcs11Config, public_key: str) -> None:
    """The node, and the signer, have their key in a module."""
    settings = config.load(home_of(at) / config.CONFIG_FILE, {})
    moved = replace(
        settings,
        node=replace(settings.node, validator_key=""),
        signer=SignerConfig(kind="pkcs11", public_key=public_key),
        pkcs11=module,
    )
    (home_of(at) / config.CONFIG_FILE).write_text(config.render(moved))
    found = load_home(at / "signer")
    signer = replace(found.signer, validator_key="", public_key=public_key)
    (at / "signer" / SIGNER_FILE).write_text(
        render_home(replace(found, signer=signer, pkcs11=module))
    )
