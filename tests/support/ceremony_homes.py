"""Organisations that take part in a ceremony: a folder each, keys that open at once."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from node import config
from node.keys import keystore
from node.keys.keystore import LOCAL_COST, KeyKind
from node.keys.threshold_account import new_account
from tests.support.shell import Shell

PASSWORD: Final = "ceremony of four"
CHAIN_ID: Final = 82_099
VALIDATOR_KEY: Final = "keys/validator.json"
NODE_KEY: Final = "keys/node.json"
BASE_PORT: Final = 7_700
"""Of addresses where no node runs."""


class Member(NamedTuple):
    """An organisation of the ceremony; ports begin at base_port, three for each."""

    name: str
    name_ko: str
    name_en: str
    chamber: str


MEMBERS: Final = (
    Member("city-hall", "시청", "City hall", "chamber.public"),
    Member("gist", "광주과학기술원", "GIST", "chamber.academia"),
    Member("land-corporation", "토지공사", "Land corporation", "chamber.land"),
    Member("builder", "건설사", "Builder", "chamber.builders"),
)
STRANGER: Final = Member("hospital", "병원", "Hospital", "chamber.public")


def port_of(base_port: int, name: str) -> int:
    """For peers; the next is of JSON-RPC, the one after it of metrics."""
    return base_port + 3 * [member.name for member in (*MEMBERS, STRANGER)].index(name)


def make_home(folder: Path, member: Member, base_port: int, *, observer: bool = False) -> Path:
    """Folder of an organisation: node/ with keys and configuration, organisation.json; its node."""
    home = folder / member.name / "node"
    wanted = {KeyKind.NODE: NODE_KEY} | ({} if observer else {KeyKind.VALIDATOR: VALIDATOR_KEY})
    for kind, file in wanted.items():
        keystore.create_key(home / file, kind, PASSWORD, label=member.name, cost=LOCAL_COST)
    password = home / "keys/password"
    password.write_text(PASSWORD + "\n", encoding="utf-8")
    password.chmod(0o600)
    account = keystore.create_key(
        folder / member.name / "account.json", KeyKind.ACCOUNT, PASSWORD, cost=LOCAL_COST
    )
    (folder / member.name / "organisation.json").write_text(
        new_account(1, {account.public_key: "president"}).text(), encoding="utf-8"
    )
    port = port_of(base_port, member.name)
    options = config.Config(
        node=config.NodeConfig(
            name=member.name,
            validator_key="" if observer else VALIDATOR_KEY,
            node_key=NODE_KEY,
            password_file="keys/password",
        ),
        network=config.NetworkConfig(host="127.0.0.1", port=port),
        rpc=config.RpcConfig(host="127.0.0.1", port=port + 1),
        metrics=config.MetricsConfig(host="127.0.0.1", port=port + 2),
    )
    (home / config.CONFIG_FILE).write_text(config.render(options), encoding="utf-8")
    return home


def open_arguments(ceremony: Path, members: Sequence[Member] = MEMBERS) -> list[str]:
    """`poyong genesis ceremony open`, as arguments."""
    named = [word for member in members for word in ("--member", member.name)]
    return [
        *("genesis", "ceremony", "open", str(ceremony)),
        *("--chain-id", str(CHAIN_ID), "--name", "Four of them", *named),
    ]


def contribute_options(folder: Path, member: Member, base_port: int) -> dict[str, str]:
    """Options of `poyong genesis ceremony contribute`, by name."""
    return {
        "--home": str(folder / member.name / "node"),
        "--id": member.name,
        "--name-ko": member.name_ko,
        "--name-en": member.name_en,
        "--chamber": member.chamber,
        "--address": f"127.0.0.1:{port_of(base_port, member.name)}",
        "--account": str(folder / member.name / "organisation.json"),
        "--balance": "1000",
    }


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
        """Of its node."""
        return self.folder / member.name / "node"

    def paper(self, member: Member, part: str = "contributions") -> Path:
        """Its contribution, or its approval."""
        return self.papers / part / f"{member.name}.json"

    def words(self, command: str, *more: str) -> list[str]:
        """A command on the folder."""
        return ["genesis", "ceremony", command, str(self.papers), *more]

    def at_home(self, command: str, member: Member) -> list[str]:
        """A command that a member gives at home."""
        return self.words(command, "--home", str(self.home(member)))

    def contribution(self, member: Member, **other: str) -> list[str]:
        """The command; options to change by name, without dashes."""
        options = contribute_options(self.folder, member, BASE_PORT)
        options |= {f"--{name.replace('_', '-')}": value for name, value in other.items()}
        return self.words("contribute", *(w for pair in options.items() for w in pair))

    def contribute(self, *members: Member) -> None:
        """Each hands its contribution in."""
        for member in members:
            self.shell.json(*self.contribution(member))

    def assemble(self) -> Any:
        """What the command tells."""
        return self.shell.json(*self.words("assemble"))

    def refused(self, *words: str) -> str:
        """The sentence of a command that is refused; nothing in any folder has changed."""
        before = self.files()
        sentence = self.shell.refusal(*words)
        assert self.files() == before
        return sentence

    def files(self) -> dict[Path, bytes]:
        """Everything that there is, in all folders."""
        return {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


def change(file: Path, changed: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file as somebody with an editor would."""
    content = json.loads(file.read_text(encoding="utf-8"))
    changed(content)
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
