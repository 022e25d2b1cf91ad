"""The label of a data folder: what is in it and who wrote it, read before anything is opened.

A store engine writes to its folder when it is only opened, so whether this release may open it has
to stand outside: in data.json, beside the chain and the vote record. A start that is refused by the
label leaves every byte as it is. A folder without one (older than the label, or put together from a
backup) is opened on what its parts say themselves, and gets one then.
"""

from collections.abc import Sequence, Set
from pathlib import Path
from typing import Final, Literal

import msgspec

from governance.stakeholders.upgrades import Upgrade, UpgradeStatus, required_version
from ledger.errors import LocalError
from ledger.genesis import Genesis
from ledger.primitives import Hash
from ledger.state import State
from ledger.validator_tables import set_at
from node.files.disk_errors import os_error
from node.files.whole_files import replace_whole
from node.software import require_suits
from node.store import block_store
from node.version import SOFTWARE, VERSION, other_format
from node.votes import wal_format

FILE: Final = "data.json"
FORMAT: Final = "poyong-data-1"
MAX_LABEL_BYTES: Final = 16 * 1024


class Needed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The upgrade that blocks of the chain in the folder need, as governance decided it."""

    name: str
    height: int
    from_version: str
    below_version: str
    artefact_hash: str

    def upgrade(self) -> Upgrade:
        """As the chain keeps it, without its times."""
        release = Hash(bytes.fromhex(self.artefact_hash))
        done = UpgradeStatus.EXECUTED
        return Upgrade(
            self.name, self.height, self.from_version, self.below_version, release, done, 0, None
        )


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the file.

    software: the release that opened the folder last. store, votes: formats of the two parts.
    genesis: hash of the chain's genesis document. validator_keys, organisation: whose votes are
    recorded, two keys while one is replaced; the organisation is empty while the chain knows none
    of them, and both are for an observer.
    upgrade: None until one is in force.
    """

    format: Literal["poyong-data-1"]
    software: str
    store: int
    votes: int
    genesis: str
    validator_keys: tuple[str, ...]
    organisation: str
    upgrade: Needed | None


class _AnyLabel(msgspec.Struct, frozen=True):
    format: str
    software: str = "an unknown release"


def read_label(folder: Path) -> Label | None:
    """The label in a data folder; None without one, and for one that labels nothing.

    LocalError when this release does not read what it says is there. Touches nothing.
    """
    path = folder / FILE
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_LABEL_BYTES + 1)
        is_alone = all(entry.name == FILE for entry in folder.iterdir())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise os_error("read", path, error) from error
    if is_alone:
        return None  # what it labelled was moved away
    try:
        found = msgspec.json.decode(raw, type=_AnyLabel)
        if found.format != FORMAT:
            raise other_format(path, found.format, FORMAT, _start(found.software))
        label = msgspec.json.decode(raw, type=Label)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LocalError(
            f"{path} is damaged ({error!s:.120}): remove it, and the next start writes it anew "
            "from the database"
        ) from error
    if label.store not in (block_store.SCHEMA_VERSION, block_store.PARTIAL_SCHEMA_VERSION):
        what, known = f"the database in {folder}", block_store.KNOWN_SCHEMAS
        raise other_format(what, label.store, known, _start(label.software))
    if label.votes != wal_format.VERSION:
        what = f"the vote record in {folder}"
        raise other_format(what, label.votes, wal_format.VERSION, _start(label.software))
    return label


def _start(software: str) -> str:
    return (
        f"{software!r:.80} wrote it: start that release or a later one, or name another "
        "storage.path, and the node fetches the chain from its peers"
    )


def require_openable(
    folder: Path, document: Genesis, public_keys: Sequence[bytes], version: str = VERSION
) -> Label | None:
    """The label, when a node of this version, chain and keys may open the folder; touches nothing.

    public_keys: of the validator, the present and the coming one, wherever they are; none for an
    observer.
    LocalError when the folder holds other formats, another chain or the votes of another
    organisation; UpgradeNeededError when its chain is past an upgrade that this version lacks.
    """
    label = require_own(folder, document, public_keys)
    if label is not None and label.upgrade is not None:
        what = f"{folder} was not opened, it holds a chain from block {label.upgrade.height} on"
        require_suits(label.upgrade.upgrade(), what, version)
    return label


def require_own(folder: Path, document: Genesis, public_keys: Sequence[bytes]) -> Label | None:
    """The label, when the folder is of this chain and, as far as is known, holds votes of no other
    organisation than the keys are; touches nothing. LocalError otherwise."""
    label = require_chain(folder, document)
    if label is not None:
        named = {each.public_key: each.organisation for each in document.validators.validators}
        _require_own_votes(
            folder, label, public_keys, {named[key] for key in public_keys if key in named}
        )
    return label


def require_chain(folder: Path, document: Genesis) -> Label | None:
    """The label, when the folder is of this chain and of formats that this release reads; touches
    nothing. LocalError otherwise."""
    label = read_label(folder)
    genesis = document.document_hash().hex()
    if label is not None and label.genesis != genesis:
        raise LocalError(
            f"{folder} holds the chain of genesis document {label.genesis:.64}, the genesis file "
            f"is {genesis}: put the right file back, or name another storage.path"
        )
    return label


def _require_own_votes(
    folder: Path, label: Label, public_keys: Sequence[bytes], organisations: Set[str]
) -> None:
    """LocalError when the vote record is that of another organisation than a key is.

    organisations: of the keys, as far as they are known. Another key of the same organisation goes
    on with the record, and so does one that is unknown; one key that the label names is enough for
    it and the one beside it, since both are the owner's.
    """
    if not label.organisation or any(key.hex() in label.validator_keys for key in public_keys):
        return
    for organisation in sorted(organisations - {label.organisation}):
        raise LocalError(
            f"the votes in {folder} are those of {label.organisation!r:.80}, the validator key of "
            f"the configuration is that of {organisation!r:.80}: put this node's own configuration "
            "and keys back, or name another storage.path"
        )


class LabelKeeper:
    """Keeps the label of an open folder true."""

    def __init__(
        self, folder: Path, label: Label | None, document: Genesis, public_keys: Sequence[bytes]
    ) -> None:
        """label: the one that was found. public_keys: as for require_openable."""
        self._folder = folder
        self._label = label
        self._genesis = document.document_hash().hex()
        self._public_keys = tuple(public_keys)

    def start(self, state: State, height: int, store: int) -> None:
        """Label the folder as opened by this release; `height` comes directly above the head whose
        state this is, `store` is the layout version of the database. LocalError when the chain says
        that the keys are another organisation's."""
        owners = _owners(state, height, self._public_keys)
        if self._label is not None:
            _require_own_votes(self._folder, self._label, self._public_keys, owners)
        self._keep(
            Label(
                format="poyong-data-1",
                software=SOFTWARE,
                store=store,
                votes=wal_format.VERSION,
                genesis=self._genesis,
                validator_keys=_hex(self._public_keys),
                organisation=min(owners, default=""),
                upgrade=_needed(state, height),
            )
        )

    def follow(self, state: State, height: int, store: int, public_keys: Sequence[bytes]) -> None:
        """Before block `height`, and before a running node takes other keys.

        From an upgrade's height on the label asks for its versions, so that no older release opens
        the folder. store: as for start; it changes when the first old blocks go. public_keys: those
        that the node has from now on; the chain may come to know them, too, at any height.
        LocalError when they are another organisation's; then the label stays.
        """
        label = self._label
        if label is None:
            return
        owners = _owners(state, height, public_keys)
        if _hex(public_keys) != label.validator_keys:
            _require_own_votes(self._folder, label, public_keys, owners)
        self._keep(
            msgspec.structs.replace(
                label,
                store=store,
                upgrade=_needed(state, height),
                validator_keys=_hex(public_keys),
                organisation=min(owners, default=label.organisation),
            )
        )

    def _keep(self, label: Label) -> None:
        if label != self._label:
            replace_whole(
                self._folder / FILE,
                msgspec.json.format(msgspec.json.encode(label), indent=2) + b"\n",
            )
            self._label = label


def _hex(public_keys: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(key.hex() for key in public_keys)


def _owners(state: State, height: int, public_keys: Sequence[bytes]) -> set[str]:
    """Organisations of these keys in the sets of `height` and of the next one."""
    return {
        validator.organisation
        for each in (height, height + 1)
        for validator in set_at(state, each).validators
        if validator.public_key in public_keys
    }


def _needed(state: State, height: int) -> Needed | None:
    upgrade = required_version(state, height)
    if upgrade is None:
        return None
    return Needed(
        upgrade.name,
        upgrade.height,
        upgrade.from_version,
        upgrade.below_version,
        upgrade.artefact_hash.hex(),
    )
