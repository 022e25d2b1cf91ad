"""Build, sign and send on three machines that share nothing but two files.

The machine with the key has no network at all: a hook ends it at the first socket, and where the
system allows it runs in a network namespace of its own, without any interface that is up.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from ledger.crypto import checksum_address
from ledger.local_accounts import DEVELOPMENT_MNEMONIC, secp256k1_accounts
from ledger.primitives import UNIT
from node.keys.keystore import PASSWORD_VARIABLE
from node.localnet.creation import CHAIN_ID
from tests.support.running_nodes import PAYEE
from tests.support.served_town import served_town
from tests.support.town import END_TIMEOUT_S, base_port

PASSWORD: Final = "correct horse battery"
AMOUNT: Final = "1.000000000000000001"
UNITS: Final = UNIT + 1

WITHOUT_SOCKETS: Final = """
import sys

def refuse(event, arguments):
    if event.startswith("socket."):
        raise SystemExit(f"the signing step touched the network: {event} {arguments}")

sys.addaudithook(refuse)
from node.cli import main
main()
"""


def namespaces_work() -> bool:
    """Whether this system lets us start a process without a network."""
    unshare = shutil.which("unshare")
    return (
        unshare is not None
        and not subprocess.run(
            [unshare, "-rn", "true"], capture_output=True, check=False
        ).returncode
    )


@dataclass
class Machine:
    """A home, a working folder and an environment of its own."""

    root: Path
    offline: bool = False

    def __post_init__(self) -> None:
        self.root.mkdir()

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "node.cli"]
        if self.offline:
            program = [sys.executable, "-c", WITHOUT_SOCKETS]
            if namespaces_work():
                program = ["unshare", "-rn", *program]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "LANG": "C.UTF-8",
            PASSWORD_VARIABLE: PASSWORD,
        }
        return subprocess.run(
            [*program, *arguments],
            cwd=self.root,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=END_TIMEOUT_S,
            check=False,
        )

    def ok(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done


def carry(name: str, source: Machine, to: Machine) -> None:
    """What a memory stick does."""
    shutil.copy(source.root / name, to.root / name)


def three_machines(folder: Path, url: str, kind: str) -> None:
    """The whole way of one transfer, checked at each step."""
    office, vault, counter = (
        Machine(folder / "office"),
        Machine(folder / "vault", offline=True),
        Machine(folder / "counter"),
    )
    keyed = vault.ok(
        "wallet", "import", "safe", "--mnemonic", "--kind", kind, "--json",
        stdin=DEVELOPMENT_MNEMONIC + "\n",
    )  # fmt: skip
    address = json.loads(keyed.stdout)["address"]
    office.ok("wallet", "watch", "safe", address)

    to = checksum_address(PAYEE)
    build = ("tx", "build", "transfer.send", f"to={to}", f"amount={AMOUNT}", "--from", "safe")
    envelope = ("--ethereum",) if kind == "secp256k1" else ()
    built = office.ok(*build, *envelope, "--rpc", url)
    (office.root / "draft.json").write_text(built.stdout)
    carry("draft.json", office, vault)

    sign = ("tx", "sign", "draft.json", "--key", "safe", "--output", "signed.json")
    elsewhere = vault.run(*sign, "--chain-id", "1")
    assert (elsewhere.returncode, elsewhere.stdout) == (1, "")
    assert elsewhere.stderr == (
        f"poyong: the draft is for chain {CHAIN_ID}, not for 1: it would act on another chain; "
        "build it anew\n"
    )
    assert not (vault.root / "signed.json").exists()
    signed = vault.ok(*sign, "--chain-id", str(CHAIN_ID))
    for said in (address, to, f"{AMOUNT} BJT", str(CHAIN_ID)):
        assert said in signed.stderr, "whoever signs sees what is signed"

    carry("signed.json", vault, counter)
    sent = counter.ok("tx", "send", "signed.json", "--wait", "--rpc", url, "--json")
    assert json.loads(sent.stdout)["code"] == 0
    files = {machine.root.name: files_of(machine) for machine in (office, vault, counter)}
    assert files == {
        "office": {".poyong/wallet/safe.json", "draft.json"},
        "vault": {".poyong/wallet/safe.json", "draft.json", "signed.json"},
        "counter": {"signed.json"},
    }
    watched = json.loads((office.root / ".poyong/wallet/safe.json").read_text())
    assert watched["format"] == "poyong-watch-1", "the key is in the vault alone"


def files_of(machine: Machine) -> set[str]:
    return {
        str(file.relative_to(machine.root)) for file in machine.root.rglob("*") if file.is_file()
    }


@pytest.mark.parametrize("kind", ["ed25519", "secp256k1"])
async def test_a_key_stays_on_a_machine_without_network(tmp_path: Path, kind: str) -> None:
    """The native envelope by an Ed25519 key, EIP-1559 by a secp256k1 key."""
    async with served_town(tmp_path / "town", base_port() + 860) as served:
        before = served.town.balance(served.name)
        await asyncio.to_thread(three_machines, tmp_path, served.url, kind)
        assert served.town.balance(served.name) == before + UNITS


def test_the_machine_without_network_would_notice(tmp_path: Path) -> None:
    """The same machine, asked for a step that needs a node, ends at its first socket."""
    vault = Machine(tmp_path / "vault", offline=True)
    done = vault.run("status", "--rpc", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert "touched the network: socket." in done.stderr


OFFLINE: Final = ("--nonce", "0", "--chain-id", "7")


def test_a_draft_of_another_account_is_refused_before_a_password(tmp_path: Path) -> None:
    vault = Machine(tmp_path / "vault", offline=True)
    vault.ok("wallet", "import", "safe", "--mnemonic", stdin=DEVELOPMENT_MNEMONIC)
    other = checksum_address(secp256k1_accounts()[1].address)
    for envelope in (("--ethereum",), ("--valid-until", "9")):
        to = f"to={other}"
        built = vault.ok(
            "tx", "build", "transfer.send", to, "amount=1", "--from", other, *OFFLINE, *envelope
        )
        refused = vault.run("tx", "sign", "-", "--key", "safe", stdin=built.stdout)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert f"built for {other}, the key is that of 0xf39F" in refused.stderr
        assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"value": 5}, "value: expected smallest units as decimal text"),
        ({"value": "1.5"}, "value: expected smallest units"),
        ({"value": "9" * 39}, "value: expected 0 to"),
        ({"to": "0x12"}, "to: expected 20 bytes"),
        ({"gas": 5}, "gas: at least 21000"),
        ({"nonce": -1}, "nonce"),
        ({"data": "0x00", "gas": 50_000}, "no system contract"),
        ({"priority_fee": 1}, "priority_fee"),
        ({"envelope": "other"}, "envelope: expected 'ethereum'"),
    ],
)
def test_a_draft_that_was_changed_is_not_signed(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    vault = Machine(tmp_path / "vault", offline=True)
    to = "to=" + checksum_address(PAYEE)
    built = vault.ok("tx", "build", "transfer.send", to, "amount=1", *OFFLINE, "--ethereum")
    draft = json.dumps(json.loads(built.stdout) | change)
    refused = vault.run("tx", "sign", "-", "--local", "0", stdin=draft)
    assert refused.returncode == 1
    assert said in refused.stderr.splitlines()[-1]


def test_what_has_no_ethereum_envelope_is_said(tmp_path: Path) -> None:
    vault = Machine(tmp_path / "vault", offline=True)
    to = "to=" + checksum_address(PAYEE)
    refused = vault.run(
        "tx", "build", "transfer.send", to, "amount=1", "memo_hash=0x" + "ab" * 32, *OFFLINE,
        "--ethereum",
    )  # fmt: skip
    assert "no place for memo_hash" in refused.stderr
    refused = vault.run("tx", "build", "transfer.send", to, "amount=1", *OFFLINE, "--ethereum",
                        "--valid-until", "9")  # fmt: skip
    assert "no last height" in refused.stderr
    built = vault.ok("tx", "build", "transfer.send", to, "amount=1", *OFFLINE, "--ethereum")
    vault.ok("keys", "new", "native.json", "--kind", "account")
    refused = vault.run("tx", "sign", "-", "--key", "native.json", stdin=built.stdout)
    assert "signed by a secp256k1 key, this one is Ed25519" in refused.stderr
    (vault.root / "draft.json").write_text(built.stdout)
    shown = json.loads(vault.ok("tx", "show", "draft.json", "--json").stdout)
    assert shown["fields"]["amount"] == str(UNIT)
    assert "1 BJT" in vault.ok("tx", "show", "draft.json").stdout
