"""The folder of a ceremony, which its members hand to each other (or keep in a repository).

terms.json, contributions/ID.json, genesis.json, approvals/ID.json. Nothing in it is secret, and
nothing in it is believed: every reading checks it all.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from ledger import genesis
from ledger.errors import LocalError
from ledger.genesis import MAX_GENESIS_BYTES, Genesis
from ledger.primitives import Hash
from node.ceremony.approvals import MAX_APPROVAL_BYTES, Approval, read_approval
from node.ceremony.assembled import assemble, require_distinct
from node.ceremony.contributions import MAX_CONTRIBUTION_BYTES, Contribution, read_contribution
from node.ceremony.terms import Terms, read_terms
from node.files.disk_errors import os_error

TERMS_FILE: Final = "terms.json"
GENESIS_FILE: Final = "genesis.json"
CONTRIBUTIONS: Final = "contributions"
APPROVALS: Final = "approvals"
OWN_COPY: Final = "contribution.json"
"""In the home of the node: what its organisation signed, to find it unchanged later."""
_ENDING: Final = ".json"

Read = TypeVar("Read")


@dataclass(frozen=True)
class Ceremony:
    """A folder whose terms were read; everything else is read when it is asked for."""

    folder: Path
    terms: Terms

    @property
    def genesis_path(self) -> Path:
        """Of the assembled document."""
        return self.folder / GENESIS_FILE

    def contribution_path(self, name: str) -> Path:
        """Of a member."""
        return self.folder / CONTRIBUTIONS / f"{name}{_ENDING}"

    def approval_path(self, name: str) -> Path:
        """Of a member."""
        return self.folder / APPROVALS / f"{name}{_ENDING}"

    def contributions(self) -> dict[str, Contribution]:
        """All that were handed in, by id. LocalError for the first that is wrong, of somebody who
        is no member, under another's name, or at odds with another one."""
        names = self._names(CONTRIBUTIONS)
        found = {name: self.contribution(name) for name in names}
        require_distinct(list(found.values()))
        return found

    def contribution(self, name: str) -> Contribution:
        """That of a member; LocalError when it is wrong or missing."""
        path = self.contribution_path(name)
        found = read_contribution(read_file(path, MAX_CONTRIBUTION_BYTES), self.terms, str(path))
        if found.wish.id != name:
            raise LocalError(
                f"{path}: it is the contribution of {found.wish.id}, whose file has another name: "
                "each member hands in one, under its id"
            )
        return found

    def approval(self, by: Contribution) -> Approval | None:
        """Of the member who contributed `by`; None before it signed."""
        path = self.approval_path(by.wish.id)
        if not path.exists():
            return None
        return read_approval(read_file(path, MAX_APPROVAL_BYTES), self.terms, by, str(path))

    def assembled(self) -> tuple[Genesis, Hash]:
        """The document that follows from terms and contributions, and its genesis hash."""
        return assemble(self.terms, self.contributions())

    def checked(self) -> tuple[Genesis, Hash]:
        """The document in the folder and its genesis hash; LocalError unless it is the one that
        follows from terms and contributions."""
        path = self.genesis_path
        if not path.exists():
            raise LocalError(
                f"{path} is not there yet: run poyong genesis ceremony assemble once all have "
                "contributed"
            )
        there = genesis.parse(read_file(path, MAX_GENESIS_BYTES), str(path))
        right, genesis_hash = self.assembled()
        if there.canonical() != right.canonical():
            raise LocalError(
                f"{path} is not the document that follows from terms and contributions (genesis "
                f"hash {genesis_hash.hex()}): somebody changed it; remove it and run poyong "
                "genesis ceremony assemble again"
            )
        return there, genesis_hash

    def _names(self, part: str) -> list[str]:
        folder = self.folder / part
        try:
            files = sorted(os.listdir(folder)) if folder.is_dir() else []
        except OSError as error:
            raise os_error("read", folder, error) from error
        names = [file.removesuffix(_ENDING) for file in files if not file.startswith(".")]
        strangers = sorted(set(names) - set(self.terms.members))
        if strangers:
            raise LocalError(
                f"{folder} has {len(names)} files, and {strangers[0]!r:.80} is no member of this "
                f"ceremony: its {len(self.terms.members)} members are "
                f"{', '.join(self.terms.members)}; remove the file, or agree on other terms"
            )
        return names


def open_folder(folder: Path) -> Ceremony:
    """The ceremony in a folder; LocalError when its terms are missing or wrong."""
    path = folder / TERMS_FILE
    if not path.exists():
        raise LocalError(
            f"{folder} is no folder of a ceremony, since it has no {TERMS_FILE}: make one with "
            "poyong genesis ceremony open"
        )
    return Ceremony(folder, read_terms(read_file(path, MAX_GENESIS_BYTES), str(path)))


def read_own(path: Path, terms: Terms) -> Contribution:
    """The copy that a contributor kept."""
    return read_contribution(read_file(path, MAX_CONTRIBUTION_BYTES), terms, str(path))


def statuses(
    ceremony: Ceremony, read: Callable[[str], Read | None]
) -> Mapping[str, Read | LocalError | None]:
    """What `read` gives of each member: a paper, None when it is not there, or what is wrong."""
    found: dict[str, Read | LocalError | None] = {}
    for name in ceremony.terms.members:
        try:
            found[name] = read(name)
        except LocalError as error:
            found[name] = error
    return found


def read_file(path: Path, most: int) -> bytes:
    """Up to one byte more than `most`, so that whoever parses it sees that it is too long."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise os_error("read", path, error) from error


def write_new(path: Path, document: object) -> None:
    """Write a new file; LocalError when it exists, since none is ever replaced, or when the disk
    refuses: then nothing of it is left. Works on file systems of memory sticks too."""
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                path.unlink()
                raise
    except FileExistsError as error:
        raise exists(path) from error
    except OSError as error:
        raise os_error("write", path, error) from error


def exists(path: Path) -> LocalError:
    """The error for a file that would have to be replaced."""
    return LocalError(
        f"{path} exists and is not replaced: remove it first if it is to be made anew"
    )
