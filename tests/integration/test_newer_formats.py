"""Each file on disk in the format of a later release: one sentence, and nothing is touched.

The later format has the next number and something that this release does not know. What a data
folder refuses as a whole is in test_refused_untouched.py.
"""

import json
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ledger import codec
from ledger.crypto import sha256
from ledger.errors import LocalError
from ledger.primitives import HASH_BYTES, Address
from node import cli, config
from node.appraisal_file import SealedAppraisal, read_appraisal, write_appraisal
from node.backups.backup import verify as verify_backup
from node.backups.sealed_stream import seal
from node.ceremony.approvals import new_approval
from node.ceremony.contributions import Wish, new_contribution
from node.ceremony.folder import Ceremony, open_folder, write_new
from node.ceremony.statements import NODE, VALIDATOR
from node.ceremony.terms import new_terms
from node.keys import keystore
from node.keys.keystore import LOCAL_COST
from node.keys.threshold_account import new_account, read_account
from node.localnet.layout import load as load_town
from node.signing import fence
from node.signing.last_signed import SignedRecord, create_record
from node.signing.settings import SIGNER_FILE, load_home
from node.snapshots.shelf import ENDING, Shelf, listed
from node.state_files import state_file
from node.store import saved_commitment
from node.store.data_folder import read_label
from node.version import SOFTWARE
from node.wallet.ethereum_keystore import ScryptCost
from node.wallet.folder import Cost, WalletFolder
from node.wallet.phrases import Curve
from tests.golden import folder as golden
from tests.integration.test_rolling_upgrade import fingerprint
from tests.support.governed_town import APPRAISERS, DOCUMENT
from tests.support.signer_homes import DOMAIN
from tests.support.snapshots import grown, snapshot_of
from tokenomics.oracle.reports import Statement

PASSWORD = "correct horse"
NODE_KEYS = {VALIDATOR: APPRAISERS[0], NODE: APPRAISERS[1]}
ACCOUNT = new_account(1, {APPRAISERS[2].public_key: "president"})
TERMS = new_terms(7, "town", 1_767_225_600_000, ("gist", "builder"))
WISH = Wish("gist", "광주과학기술원", "GIST", "chamber.academia", "gist:26656", ACCOUNT, 5)
HOME = "gist"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of each: the town of a golden chain, and what people and signers keep."""
    town = golden.unpack(golden.numbers()[-1], tmp_path_factory.mktemp("written"))
    create_record(town / "last-signed", DOMAIN)
    (town / "threshold.json").write_text(json.dumps(ACCOUNT.document()), encoding="utf-8")
    statement = Statement(1_000_000, 1, "comparison", 8, DOCUMENT)
    sealed = SealedAppraisal(7, "zone", 1, Address(b"a" * 20), statement, DOCUMENT)
    write_appraisal(town / "appraisal.json", sealed)
    wallet = WalletFolder(town / "wallet", Cost(LOCAL_COST, ScryptCost(2)))
    wallet.add_key("native", Curve.ED25519, b"n" * 32, PASSWORD)
    wallet.add_key("ethereum", Curve.SECP256K1, b"e" * 32, PASSWORD)
    wallet.add_watched("watched", Address(b"w" * 20))
    with (town / "node.backup").open("wb") as out:
        seal(out, [b"F\0"], PASSWORD, b"s" * 16, LOCAL_COST)
    shelf = town / "shelf"
    snapshot_of(grown(3), shelf).rename(shelf / f"snapshot{ENDING}")
    _ceremony(town / "ceremony")
    genesis = str(town / HOME / "genesis.json")
    words = ["--genesis", genesis, "--keep", str(town / "kept.json")]
    assert cli.run(["verify", str(town / "balance.proof.json"), *words]) == 0
    signer = ["--chain-id", "7", "--genesis-hash", "ab" * HASH_BYTES]
    (town / "password").write_text(PASSWORD, encoding="utf-8")
    (town / "password").chmod(0o600)
    home = ["--home", str(town / "signer"), "--password-file", str(town / "password")]
    assert cli.run(["signer", "init", *home, *signer]) == 0
    return town


def _ceremony(folder: Path) -> None:
    found, made = Ceremony(folder, TERMS), new_contribution(TERMS, WISH, NODE_KEYS)
    write_new(folder / "terms.json", TERMS.document)
    write_new(found.contribution_path(WISH.id), made.document)
    approval = new_approval(TERMS, made, DOCUMENT, NODE_KEYS)
    write_new(found.approval_path(WISH.id), approval.document)


def document(name: str, value: object, data: bytes) -> bytes:
    """JSON with another number, and a name that only the later release knows."""
    found: dict[str, Any] = json.loads(data)
    return json.dumps({"later": [1], **found, name: value}).encode()


def tagged(tag: str, data: bytes) -> bytes:
    """A canonical array under another tag, longer by one, and its SHA-256."""
    body = codec.encode((tag, *codec.decode(data[:-HASH_BYTES])[1:], "later"))
    return body + sha256(body)


def replaced(old: bytes, new: bytes, data: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


def by_command(*words: str) -> Callable[[Path], object]:
    """Run a command on the file; LocalError is the sentence with which it ends."""

    def run(path: Path) -> None:
        said = StringIO()
        with redirect_stderr(said):
            code = cli.run([word.format(path=path, town=path.parent) for word in words])
        if code:
            raise LocalError(said.getvalue().strip())

    return run


def _contribution(path: Path) -> object:
    return open_folder(path.parents[1]).contribution(WISH.id)


def _approval(path: Path) -> object:
    return open_folder(path.parents[1]).approval(new_contribution(TERMS, WISH, NODE_KEYS))


def _wallet(path: Path) -> object:
    return WalletFolder(path.parent).accounts()


@dataclass(frozen=True)
class Case:
    """later: the content as a later release writes it. format: the number in the sentence."""

    file: str
    later: Callable[[bytes], bytes]
    format: str
    read: Callable[[Path], object]


def json_case(file: str, kind: str, read: Callable[[Path], object]) -> Case:
    later = f"poyong-{kind}-2"
    return Case(file, partial(document, "format", later), later, read)


GENESIS = ("--genesis", "{town}/" + HOME + "/genesis.json")
CASES = (
    json_case(f"{HOME}/keys/validator.json", "key", keystore.read_key_info),
    json_case("threshold.json", "threshold", read_account),
    json_case("appraisal.json", "appraisal", read_appraisal),
    json_case("wallet/watched.json", "watch", _wallet),
    json_case("wallet/native.json", "key", _wallet),
    Case("wallet/ethereum.json", partial(document, "version", 4), "4", _wallet),
    Case("town.json", partial(document, "version", 2), "2", lambda path: load_town(path.parent)),
    json_case(f"{HOME}/data/data.json", "data", lambda path: read_label(path.parent)),
    Case(
        f"{HOME}/data/fence",
        partial(tagged, "poyong/fence/2"),
        "poyong/fence/2",
        lambda path: fence.read_fence(path.parent),
    ),
    Case(
        "last-signed",
        partial(tagged, "poyong/last-signed/3"),
        "poyong/last-signed/3",
        lambda path: SignedRecord(path, DOMAIN),
    ),
    Case(
        "node.backup",
        partial(replaced, b"backup-1", b"backup-2"),
        "2",
        lambda path: verify_backup(path, PASSWORD),
    ),
    Case(
        f"shelf/snapshot{ENDING}",
        partial(replaced, b"snapshot-1", b"snapshot-2"),
        "2",
        lambda path: listed(path.parent),
    ),
    Case(
        "exported.state",
        partial(replaced, b"state-1", b"state-2"),
        "poyong-state-2",
        state_file.describe,
    ),
    json_case("balance.proof.json", "proof", by_command("verify", "{path}", *GENESIS)),
    json_case(
        "exported.state.proof.json",
        "proof",
        by_command("state", "verify", "{town}/exported.state", *GENESIS),
    ),
    json_case(
        "kept.json",
        "trusted",
        by_command("verify", "{town}/balance.proof.json", "--trusted", "{path}", *GENESIS),
    ),
    json_case("ceremony/terms.json", "ceremony", lambda path: open_folder(path.parent)),
    json_case("ceremony/contributions/gist.json", "contribution", _contribution),
    json_case("ceremony/approvals/gist.json", "approval", _approval),
    Case(
        f"{HOME}/{config.CONFIG_FILE}",
        partial(replaced, b"format = 1", b"format = 2\n[later]\nx = 1\n#"),
        "2",
        lambda path: config.load(path, {}),
    ),
    Case(
        f"signer/{SIGNER_FILE}",
        partial(replaced, b"format = 1", b"format = 2\n[later]\nx = 1\n#"),
        "2",
        lambda path: load_home(path.parent),
    ),
)


@pytest.fixture
def town(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "town", ignore=shutil.ignore_patterns("chain"))


def kept(folder: Path) -> dict[str, str]:
    """Every file but locks, which hold nothing."""
    return {name: found for name, found in fingerprint(folder).items() if ".lock" not in name}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_a_file_of_a_later_release(case: Case, town: Path) -> None:
    path = town / case.file
    path.write_bytes(case.later(path.read_bytes()))
    before = kept(town)
    with pytest.raises(LocalError) as found:
        case.read(path)
    said = str(found.value)
    for part in (f"has format {case.format}, this release ({SOFTWARE}) reads", "nothing was"):
        assert part in said, said
    assert "\n" not in said
    assert kept(town) == before


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_the_same_file_of_this_release_is_read(case: Case, town: Path) -> None:
    """So the test above is about the number; the backup here has no chain, and says that."""
    if case.file == "node.backup":
        with pytest.raises(LocalError, match="no rows of a chain"):
            case.read(town / case.file)
    else:
        case.read(town / case.file)


def test_an_option_that_only_a_later_release_knows(town: Path) -> None:
    path = town / HOME / config.CONFIG_FILE
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[rpc]", "[rpc]\nprot = 1"), encoding="utf-8")
    before = kept(town)
    with pytest.raises(LocalError, match=r"config\.toml: .*'prot'; did you mean 'port'") as found:
        config.load(path, {})
    assert "\n" not in str(found.value)
    assert kept(town) == before


def test_a_snapshot_of_a_later_release_is_offered_to_nobody_and_stays(town: Path) -> None:
    path = town / "shelf" / f"snapshot{ENDING}"
    path.write_bytes(replaced(b"snapshot-1", b"snapshot-2", path.read_bytes()))
    before = kept(town)
    shelf = Shelf(path.parent, 1)
    shelf.tidy()
    assert shelf.offers() == ()
    assert kept(town) == before


def test_a_saved_commitment_of_a_later_release_is_a_copy_that_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / saved_commitment.FILE
    path.write_bytes(b"poyong/saved-commitment/2 and what it holds")
    before = kept(tmp_path)
    assert saved_commitment.load(tmp_path) is None
    assert kept(tmp_path) == before


def test_a_fencing_token_of_a_later_release() -> None:
    body = codec.encode(("poyong/fence-token/2", b"k" * 32, b"p" * 16, 1, 5, "later"))
    with pytest.raises(LocalError, match=r"fencing token has format poyong/fence-token/2, this"):
        fence.decode_token((body + sha256(body)[:4]).hex())


def test_the_fence_in_a_backup_of_a_later_release(tmp_path: Path) -> None:
    file, body = tmp_path / "later.backup", codec.encode(("poyong/fence/2", "later"))
    with file.open("wb") as out:
        seal(out, [b"N" + body + sha256(body)], PASSWORD, b"s" * 16, LOCAL_COST)
    before = kept(tmp_path)
    with pytest.raises(LocalError, match=r"the backup's fence has format poyong/fence/2, this"):
        verify_backup(file, PASSWORD)
    assert kept(tmp_path) == before
