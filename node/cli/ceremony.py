"""`poyong genesis ceremony`: a genesis to which each organisation contributes its part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from api.encoding import hex_of
from ledger import genesis
from ledger.crypto import Signer
from ledger.errors import LocalError
from ledger.genesis import Genesis
from ledger.primitives import Hash
from node import config
from node.ceremony import folder as papers
from node.ceremony import joining
from node.ceremony.approvals import Approval, new_approval
from node.ceremony.assembled import require_distinct
from node.ceremony.contributions import Contribution, Wish, new_contribution
from node.ceremony.folder import Ceremony, exists, open_folder, statuses, write_new
from node.ceremony.statements import NODE, VALIDATOR, canonical
from node.ceremony.terms import new_terms
from node.cli.home import home_option
from node.cli.output import (
    SYMBOL,
    json_option,
    parse_tokens,
    print_fields,
    print_json,
    print_table,
    tokens,
)
from node.config import Config
from node.config_edit import with_options, write_configuration
from node.keys import keystore
from node.keys.keystore import KeyKind
from node.keys.threshold_account import read_account
from node.wall_clock import now_ms

_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
_HOME = home_option("Folder of your node.")


@click.group()
def ceremony() -> None:
    """A genesis of several organisations: open, contribute, assemble, check, sign, install."""


@ceremony.command("open")
@_FOLDER
@click.option("--chain-id", type=click.IntRange(1, genesis.MAX_CHAIN_ID), required=True)
@click.option("--name", required=True, help="Of the chain, for people.")
@click.option(
    "--member", "members", multiple=True, required=True, help="Its id; in the order of the seats."
)
@json_option
def open_command(
    folder: Path, chain_id: int, name: str, members: tuple[str, ...], as_json: bool
) -> None:
    """Write FOLDER/terms.json, on which all agree before they contribute; edit it by hand."""
    terms = new_terms(chain_id, name, now_ms(), members)
    file = folder / papers.TERMS_FILE
    write_new(file, terms.document)
    told = {"file": str(file), "chain_id": chain_id, "members": list(terms.members)}
    if as_json:
        print_json(told)
        return
    click.echo(f"{file}: {len(terms.members)} members. Write down in it what is agreed.")


@ceremony.command()
@_FOLDER
@_HOME
@click.option("--id", "member", required=True, help="Yours, as the terms name it.")
@click.option("--name-ko", required=True, help="Name in Korean.")
@click.option("--name-en", required=True, help="Name in English.")
@click.option("--chamber", required=True, help="In which it sits, such as chamber.academia.")
@click.option("--address", required=True, metavar="HOST:PORT", help="At which peers reach it.")
@click.option(
    "--account",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Your organisation's account, as poyong keys threshold wrote it.",
)
@click.option("--balance", default="0", show_default=True, help="Of it in genesis, in tokens.")
@json_option
def contribute(
    folder: Path,
    home: Path,
    member: str,
    name_ko: str,
    name_en: str,
    chamber: str,
    address: str,
    account: Path,
    balance: str,
    as_json: bool,
) -> None:
    """Write your signed contribution into FOLDER, and a copy into your node's home.

    It is signed with the keys of the node, which never leave their machine. A node without
    node.validator_key contributes an observer.
    """
    found = open_folder(folder)
    file, copy = found.contribution_path(member), home / papers.OWN_COPY
    for path in (file, copy):
        if path.exists():
            raise exists(path)
    wish = Wish(
        id=member,
        name_ko=name_ko,
        name_en=name_en,
        chamber=chamber,
        address=address,
        account=read_account(account),
        balance=parse_tokens(balance),
    )
    made = new_contribution(found.terms, wish, _signers(_settings(home)))
    others = {name: each for name, each in found.contributions().items() if name != member}
    require_distinct([*others.values(), made])
    write_new(copy, made.document)
    try:
        write_new(file, made.document)
    except LocalError:
        copy.unlink()
        raise
    told = {"file": str(file), "copy": str(copy), "terms": made.document["terms"]}
    if as_json:
        print_json(told)
        return
    print_fields({"contribution": str(file), "your copy": str(copy), "terms": told["terms"]})


@ceremony.command()
@_FOLDER
@json_option
def assemble(folder: Path, as_json: bool) -> None:
    """Write FOLDER/genesis.json from the terms and all contributions.

    Whoever has these makes the same document, so it does not matter who does it.
    """
    found = open_folder(folder)
    document, genesis_hash = found.assembled()
    write_new(found.genesis_path, document.document())
    _show(found, document, genesis_hash, as_json)


@ceremony.command()
@_FOLDER
@_HOME
@click.option("--auditor", is_flag=True, help="You contributed nothing: look at no home.")
@json_option
def check(folder: Path, home: Path, auditor: bool, as_json: bool) -> None:
    """Make the document anew and compare; find your contribution in it as you signed it."""
    found = open_folder(folder)
    document, genesis_hash = found.checked()
    if not auditor:
        _own(found, home)
    _show(found, document, genesis_hash, as_json)


@ceremony.command()
@_FOLDER
@_HOME
@json_option
def sign(folder: Path, home: Path, as_json: bool) -> None:
    """Check as above, then sign off on the genesis hash."""
    found = open_folder(folder)
    document, genesis_hash = found.checked()
    own = _own(found, home)
    file = found.approval_path(own.wish.id)
    if file.exists():
        raise exists(file)
    made = new_approval(found.terms, own, genesis_hash, _signers(_settings(home)))
    write_new(file, made.document)
    _show(found, document, genesis_hash, as_json)


@ceremony.command()
@_FOLDER
@json_option
def status(folder: Path, as_json: bool) -> int:
    """Who has contributed and signed, and what is wrong; exit code 0 once all have signed."""
    found = open_folder(folder)
    wrong: list[str] = []
    genesis_hash: Hash | None = None
    try:
        found.contributions()
        if found.genesis_path.exists():
            genesis_hash = found.checked()[1]
    except LocalError as error:
        wrong.append(str(error))
    given = statuses(found, lambda name: _contribution(found, name))
    approved = statuses(found, lambda name: _approval(found, given[name]))
    rows = [
        {
            "id": name,
            "contribution": _said(given[name], "given"),
            "approval": _said(approved[name], _approves(approved[name], genesis_hash)),
        }
        for name in found.terms.members
    ]
    complete = genesis_hash is not None and all(row["approval"] == "signed" for row in rows)
    told = {
        "terms": found.terms.hash().hex(),
        "genesis_hash": None if genesis_hash is None else hex_of(genesis_hash),
        "members": rows,
        "wrong": wrong,
        "complete": complete,
    }
    if as_json:
        print_json(told)
        return 0 if complete else 1
    shown = [tuple(row.values()) for row in rows]
    print_table(f"Ceremony of {found.terms.name}", ("member", "contribution", "approval"), shown)
    print_fields({"terms": told["terms"], "genesis hash": told["genesis_hash"]})
    for sentence in wrong:
        click.echo(sentence)
    return 0 if complete else 1


@ceremony.command()
@_FOLDER
@_HOME
@click.option("--newcomer", is_flag=True, help="You contributed nothing: you join the chain later.")
@json_option
def install(folder: Path, home: Path, newcomer: bool, as_json: bool) -> None:
    """Put the document that all have signed into your node's home, and the others' addresses.

    network.peers of its configuration is filled in while it is empty, and left alone otherwise.
    """
    found = open_folder(folder)
    document, genesis_hash = found.checked()
    own = b"" if newcomer else _own(found, home).node_key
    for name, each in found.contributions().items():
        approval = found.approval(each)
        if approval is None:
            raise LocalError(f"{name} has not signed yet: see poyong genesis ceremony status")
        if approval.genesis_hash != genesis_hash:
            raise LocalError(
                f"{name} signed another genesis hash, {approval.genesis_hash.hex()}, than that of "
                f"this document, {genesis_hash.hex()}: find out why before anybody starts"
            )
    settings = _settings(home)
    peers = joining.peers_beside(found, own)
    file, changed = home / config.CONFIG_FILE, None
    if not settings.network.peers:
        changed = with_options(file, {("network", "peers"): peers})
    write_new(settings.path(settings.node.genesis), document.document())
    if changed is not None:
        write_configuration(file, changed)
    told = {
        "genesis": str(settings.path(settings.node.genesis)),
        "genesis_hash": hex_of(genesis_hash),
        "peers": list(peers),
        "peers_written": changed is not None,
    }
    if as_json:
        print_json(told)
        return
    print_fields({"genesis": told["genesis"], "genesis hash": told["genesis_hash"]})
    if changed is None:
        click.echo("network.peers was left as it is; the ceremony names: " + ", ".join(peers))


def _settings(home: Path) -> Config:
    settings = config.load(home / config.CONFIG_FILE)
    if settings.signer.kind != "file":
        raise LocalError(
            f"{home / config.CONFIG_FILE}: [signer] kind is {settings.signer.kind!r}, and a signer "
            "signs votes alone: take part with node.validator_key in a file, and move the key "
            "afterwards"
        )
    return settings


def _signers(settings: Config) -> Mapping[str, Signer]:
    """The keys of the node, opened."""
    node = settings.node
    named = settings.path(node.password_file) if node.password_file else None
    password = keystore.read_password(named, f"the keys in {settings.home}")
    wanted = {NODE: (node.node_key, KeyKind.NODE)}
    if node.validator_key:
        wanted = {VALIDATOR: (node.validator_key, KeyKind.VALIDATOR), **wanted}
    return {
        name: keystore.open_signer(settings.path(file), password, kind)
        for name, (file, kind) in wanted.items()
    }


def _own(found: Ceremony, home: Path) -> Contribution:
    """The contribution of this home, as it lies in the folder; LocalError unless unchanged."""
    copy = home / papers.OWN_COPY
    if not copy.exists():
        raise LocalError(
            f"{copy} is missing: name the home from which you contributed, or put its copy back"
        )
    kept = papers.read_own(copy, found.terms)
    name = kept.wish.id
    if canonical(found.contribution(name).document) != canonical(kept.document):
        raise LocalError(
            f"{found.contribution_path(name)} differs from {copy}, which is what you handed in: "
            "somebody replaced it; put yours back and have the document assembled again"
        )
    return kept


def _contribution(found: Ceremony, name: str) -> Contribution | None:
    return found.contribution(name) if found.contribution_path(name).exists() else None


def _approval(found: Ceremony, by: Contribution | LocalError | None) -> Approval | None:
    return found.approval(by) if isinstance(by, Contribution) else None


def _approves(found: Approval | LocalError | None, genesis_hash: Hash | None) -> str:
    if isinstance(found, Approval) and found.genesis_hash == genesis_hash:
        return "signed"
    return "signed another genesis hash"


def _said(found: object, otherwise: str) -> str:
    match found:
        case None:
            return "missing"
        case LocalError():
            return f"wrong: {found}"
        case _:
            return otherwise


def _show(found: Ceremony, document: Genesis, genesis_hash: Hash, as_json: bool) -> None:
    contributions = found.contributions()
    listed = [contributions[name] for name in found.terms.members]
    told: dict[str, Any] = {
        "file": str(found.genesis_path),
        "chain_id": document.chain_id,
        "terms": found.terms.hash().hex(),
        "genesis_hash": hex_of(genesis_hash),
        "members": [each.wish.id for each in listed],
    }
    if as_json:
        print_json(told)
        return
    print_table(
        f"{document.name}, chain {document.chain_id}",
        ("member", "이름", "chamber", "account", "tokens", "node"),
        [
            (
                each.wish.id,
                each.wish.name_ko,
                each.wish.chamber,
                each.wish.account.address,
                f"{tokens(each.wish.balance)} {SYMBOL}",
                ("validator" if each.public_key else "observer") + f" {each.wish.address}",
            )
            for each in listed
        ],
    )
    print_fields({"terms": told["terms"], "genesis hash": told["genesis_hash"]})
