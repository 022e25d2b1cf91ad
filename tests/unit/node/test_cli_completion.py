"""Completion as the three shells ask for it, and in the shells that this machine has."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from ledger.primitives import Address
from node.cli import _COMMANDS
from node.localnet import layout
from node.wallet.folder import FOLDER_VARIABLE, WalletFolder

SHELLS: Final = ("bash", "zsh", "fish")
TIMEOUT_S: Final = 30


def poyong(environment: dict[str, str], *arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "node.cli", *arguments],
        env={**os.environ, **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a wallet of two accounts, and the plan of a town."""
    wallet = WalletFolder(tmp_path / "wallet")
    wallet.add_watched("savings", Address(b"\x01" * 20))
    wallet.add_watched("shop", Address(b"\x02" * 20))
    (tmp_path / layout.DEFAULT_FOLDER).mkdir(parents=True)
    layout.save(tmp_path / layout.DEFAULT_FOLDER, layout.plan(1, "", 24_300))
    return tmp_path


def completed(folder: Path, shell: str, line: str) -> list[str]:
    """The words that the shell would offer after `line`."""
    words = line.split()
    last = "" if line.endswith(" ") else words[-1]
    asked = {
        "_POYONG_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": last if shell == "fish" else str(len(words) - bool(last)),
        FOLDER_VARIABLE: str(folder / "wallet"),
    }
    lines = list(filter(None, poyong(asked, cwd=folder).splitlines()))
    match shell:
        case "bash":
            return [entry.split(",", 1)[1] for entry in lines]
        case "zsh":  # type, value and help, a line each
            return lines[1::3]
        case _:
            return [entry.split(",", 1)[1].split("\t")[0] for entry in lines]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("poyong wall", ["wallet"]),
        ("poyong wallet s", ["show", "send"]),
        ("poyong wallet show ", ["savings", "shop"]),
        ("poyong wallet send sh", ["shop"]),
        ("poyong wallet send shop sa", ["savings"]),
        ("poyong tx sign --key sa", ["savings"]),
        ("poyong tx build transfer.send_", ["transfer.send_many"]),
        ("poyong wallet history --lim", ["--limit"]),
        ("poyong wallet new --kind ", ["ed25519", "secp256k1"]),
    ],
)
def test_commands_options_and_names_are_offered(
    folder: Path, shell: str, line: str, offered: list[str]
) -> None:
    assert completed(folder, shell, line) == offered


def test_nodes_of_the_town_in_this_folder_are_offered(folder: Path) -> None:
    town = layout.load(folder / layout.DEFAULT_FOLDER)
    assert town is not None
    urls = [node.rpc_url for node in town.nodes]
    assert completed(folder, "bash", "poyong status --rpc ") == urls
    (folder / layout.DEFAULT_FOLDER / layout.TOWN_FILE).write_text("years of work")
    assert completed(folder, "bash", "poyong status --rpc ") == []


def test_a_wallet_that_is_open_to_others_offers_nothing(folder: Path) -> None:
    (folder / "wallet").chmod(0o755)
    assert completed(folder, "bash", "poyong wallet show ") == []


def test_names_of_commands_import_nothing_of_the_node(folder: Path) -> None:
    """A shell waits for it at every tab."""
    offered = completed(folder, "bash", "poyong ")
    assert offered == list(_COMMANDS)
    probe = """
import sys
from node import cli
try:
    cli.run([])
except SystemExit:
    print(*sorted(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", probe],
        env={**os.environ, "_POYONG_COMPLETE": "bash_complete", "COMP_WORDS": "poyong ",
             "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )  # fmt: skip
    modules = done.stdout.splitlines()[-1].split()
    assert "node.cli.lazy" in modules
    unneeded = ("node.cli.tx", "node.localnet", "aiohttp", "ledger.executor")
    assert not [name for name in modules if name.startswith(unneeded)]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script_of_its_own(folder: Path, shell: str) -> None:
    assert f"_POYONG_COMPLETE={shell}_complete" in poyong({}, "completion", shell, cwd=folder)


@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shutil.which(shell)])
def test_a_shell_that_is_installed_here_reads_its_script(folder: Path, shell: str) -> None:
    checked = subprocess.run(
        [shell, "-n"],
        input=poyong({}, "completion", shell, cwd=folder),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed here")
def test_bash_completes_a_name_from_the_wallet(folder: Path) -> None:
    """The script as a person sources it, and what the tab key calls."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    command = bin_folder / "poyong"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m node.cli "$@"\n')
    command.chmod(0o755)
    pressed = (
        'eval "$(poyong completion bash)"; COMP_WORDS=(poyong wallet show sh); COMP_CWORD=3;'
        ' _poyong_completion poyong; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", pressed],
        env={
            **os.environ,
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            FOLDER_VARIABLE: str(folder / "wallet"),
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("shop\n", 0), done.stderr
