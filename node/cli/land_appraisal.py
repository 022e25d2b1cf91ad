"""`poyong land commit`, `reveal` and `challenge`: what appraisers and chambers send.

Each checks what it can before anything is sent, since a commitment that cannot be opened later is
on record against its appraiser; the chain decides.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from api import calls, land_results
from ledger.crypto import checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.primitives import Address
from ledger.transaction import key_address
from node.appraisal_file import SealedAppraisal, new_salt, read_appraisal, write_appraisal
from node.cli.documents import document_hash
from node.cli.output import json_option, moment
from node.cli.rpc import ask, ask_all, rpc_options, url_of
from node.cli.sending import send_message, signer_of, signing_options
from node.keys.keystore import KeyKind
from tokenomics.oracle.challenges import CHALLENGE, GROUNDS
from tokenomics.oracle.phases import COMMITTING, REVEALING, Phase
from tokenomics.oracle.reports import COMMIT, REVEAL, Statement
from tokenomics.oracle.valuation import is_unit_error
from tokenomics.params import LandParameters
from tokenomics.roles import CHAMBERS

_COMMITTING: Final = frozenset(phase.name for phase in COMMITTING)
_REVEALING: Final = frozenset(phase.name for phase in REVEALING)
_UNITS_MS: Final = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000))

Command = TypeVar("Command", bound=Callable[..., Any])


def _zone_and_round(command: Command) -> Command:
    command = click.argument("number", metavar="ROUND", type=click.IntRange(min=1))(command)
    return click.argument("zone")(command)


@click.command()
@_zone_and_round
@click.option("--price", type=click.IntRange(min=1), required=True, help="KRW/m².")
@click.option(
    "--valuation-date",
    "valuation_date_ms",
    metavar="MS",
    type=click.IntRange(min=0),
    required=True,
    help="Of the value, within the round: block time, ms since 1970.",
)
@click.option("--method", required=True, help="For example comparison.")
@click.option("--comparables", type=click.IntRange(min=0), required=True, help="Sales compared.")
@click.option("--document", metavar="FILE|HASH", required=True, help="The appraisal, or its hash.")
@click.option(
    "--secret",
    type=click.Path(path_type=Path, dir_okay=False),
    help="New file for report and salt.  [default: appraisal-ZONE-ROUND.json]",
)
@signing_options
@rpc_options
@json_option
def commit(
    zone: str,
    number: int,
    price: int,
    valuation_date_ms: int,
    method: str,
    comparables: int,
    document: str,
    secret: Path | None,
    key: Path | None,
    password_file: Path | None,
    local: int | None,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Bind yourself to a report of ZONE in ROUND, of which the chain learns nothing yet.

    The report and its salt stay in a file of yours, which `poyong land reveal` needs later.
    """
    url = url_of(rpc_url, home)
    said = Statement(
        price, valuation_date_ms, method, comparables, document_hash(document, "--document")
    )
    signer = signer_of(key, password_file, local, KeyKind.ACCOUNT)
    sender = key_address(signer.public_key)
    chain_id, found, recent = _standing(url, zone, number)
    _require_phase(found, _COMMITTING, "commitments")
    _require_awaited(found, sender, "has committed already, or has no seat in this phase")
    sealed = SealedAppraisal(chain_id, zone, number, sender, said, new_salt())
    check_report(sealed, found, recent)
    file = secret or Path(f"appraisal-{_file_part(zone)}-{number}.json")
    write_appraisal(file, sealed)
    try:
        send_message(url, signer, COMMIT, zone, number, sealed.commitment, as_json=as_json)
    except LocalError as error:
        raise LocalError(
            f"{error}; {file} keeps the salt: while poyong land round {zone} {number} shows you as "
            "awaited, nothing is committed, and you may remove the file and commit again"
        ) from error
    again = _round(url, zone, number)
    reveal_with = f"poyong land reveal {file}" + ("" if key is None else f" --key {key}")
    _say(_after_commitment(found, again, reveal_with), as_json)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@signing_options
@rpc_options
@json_option
def reveal(
    file: Path,
    key: Path | None,
    password_file: Path | None,
    local: int | None,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Open the report in FILE, which `poyong land commit` wrote."""
    url, sealed = url_of(rpc_url, home), read_appraisal(file)
    signer = signer_of(key, password_file, local, KeyKind.ACCOUNT)
    sender = key_address(signer.public_key)
    if sender != sealed.appraiser:
        raise LocalError(
            f"{file} is of {checksum_address(sealed.appraiser)}, the key is that of "
            f"{checksum_address(sender)}: name the key that committed"
        )
    chain_id, found, _ = _standing(url, sealed.zone, sealed.round)
    if chain_id != sealed.chain_id:
        raise LocalError(f"{file} is of chain {sealed.chain_id}, {url} is of chain {chain_id}")
    _require_phase(found, _REVEALING, "reveals")
    _require_awaited(found, sender, "has revealed already, or committed to nothing in this phase")
    said = sealed.statement
    send_message(
        url,
        signer,
        REVEAL,
        sealed.zone,
        sealed.round,
        said.price_krw_per_m2,
        said.valuation_date_ms,
        said.method,
        said.comparables,
        said.document_hash,
        sealed.salt,
        as_json=as_json,
    )
    again = _round(url, sealed.zone, sealed.round)
    _say(
        f"Your report is public, and nothing more is asked of you now; {file} can go. Zone "
        f"{sealed.zone} is in phase {again['phase']}{_until(again)}: see poyong land round "
        f"{sealed.zone} {sealed.round}.",
        as_json,
    )


@click.command()
@_zone_and_round
@click.option("--chamber", type=click.Choice(CHAMBERS), required=True, help="You act for it.")
@click.option("--ground", type=click.Choice(GROUNDS), required=True, help="What is wrong.")
@click.option("--evidence", metavar="FILE|HASH", required=True, help="The evidence, or its hash.")
@signing_options
@rpc_options
@json_option
def challenge(
    zone: str,
    number: int,
    chamber: str,
    ground: str,
    evidence: str,
    key: Path | None,
    password_file: Path | None,
    local: int | None,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Challenge the value of ZONE in ROUND; three blind appraisers then decide."""
    url, evidence_hash = url_of(rpc_url, home), document_hash(evidence, "--evidence")
    signer = signer_of(key, password_file, local, KeyKind.ACCOUNT)
    _, found, _ = _standing(url, zone, number)
    _require_phase(found, {Phase.CHALLENGE.name}, "challenges")
    send_message(
        url, signer, CHALLENGE, zone, number, chamber, ground, evidence_hash, as_json=as_json
    )
    again = _round(url, zone, number)
    _say(
        "Keep the evidence: the chain has its hash alone. Zone "
        f"{zone} is in phase {again['phase']}{_until(again)}; then blind appraisers, drawn by lot, "
        f"decide. The verdict will stand in poyong land round {zone} {number}; two lost challenges "
        "bar you for a year.",
        as_json,
    )


def _standing(url: str, zone: str, number: int) -> tuple[int, land_results.Round, list[int]]:
    """Chain id, the zone's round, and its accepted prices of the last anchors; LocalError for an
    unknown one."""
    asked: list[Any] = [calls.status(), calls.get_round(zone, number), calls.get_zones()]
    status, found, zones = ask_all(url, asked)
    if found is None:
        known = ", ".join(row["zone"] for row in zones)
        raise LocalError(
            f"{url} knows no round {number} of zone {zone!r:.60}: its zones are {known}; see "
            "poyong land index for the rounds"
        )
    (recent,) = (row["recent_krw_per_m2"] for row in zones if row["zone"] == zone)
    return status["chain_id"], found, recent


def _round(url: str, zone: str, number: int) -> land_results.Round:
    found = ask(url, calls.get_round(zone, number))
    if found is None:
        raise LocalError(f"{url} no longer knows round {number} of zone {zone}: ask another node")
    return found


def _require_phase(found: land_results.Round, phases: set[str] | frozenset[str], what: str) -> None:
    phase = found["phase"]
    if phase in phases:
        return
    where = f"zone {found['zone']} in round {found['round']}"
    if not found["is_anchor"]:
        raise LocalError(f"{where} is not appraised: the round is no anchor")
    if phase is None:
        raise LocalError(
            f"{where} takes no {what} yet: its appraisal begins when the round ends, at "
            f"{moment(found['end_ms'])}"
        )
    raise LocalError(
        f"{where} is in phase {phase}{_until(found)}: it takes {what} in "
        f"{' or '.join(sorted(phases))}"
    )


def _require_awaited(found: land_results.Round, sender: Address, else_it: str) -> None:
    who = checksum_address(sender)
    if who not in found["missing"]:
        raise LocalError(
            f"nothing is awaited of {who} in phase {found['phase']} of zone {found['zone']}: it "
            f"{else_it}; see poyong land round {found['zone']} {found['round']}"
        )


def check_report(sealed: SealedAppraisal, found: land_results.Round, recent: list[int]) -> None:
    """LocalError for a report that the chain would refuse when it is revealed."""
    said = sealed.statement
    try:
        REVEAL.decode(
            REVEAL.encode(
                sealed.zone,
                sealed.round,
                said.price_krw_per_m2,
                said.valuation_date_ms,
                said.method,
                said.comparables,
                said.document_hash,
                sealed.salt,
            )
        )
    except (DecodeError, ValueError) as error:
        raise LocalError(f"the report could not be revealed later: {error}") from error
    if not found["opened_ms"] <= said.valuation_date_ms <= found["end_ms"]:
        raise LocalError(
            f"--valuation-date: {said.valuation_date_ms} is outside round {sealed.round}, which "
            f"lasted from {found['opened_ms']} to {found['end_ms']} ({moment(found['opened_ms'])} "
            f"to {moment(found['end_ms'])})"
        )
    # By the usual factor; a chain with another one says so at the reveal.
    factor = LandParameters().unit_error_factor
    if is_unit_error(said.price_krw_per_m2, recent, factor):
        raise LocalError(
            f"--price: {said.price_krw_per_m2:,} KRW/m² is ten times away from the last accepted "
            f"{recent[-1]:,} KRW/m² and from those of the last {len(recent)} anchors: a wrong "
            "unit? The reveal would be refused"
        )


def _say(sentence: str, as_json: bool) -> None:
    """What to do next; beside the one JSON value on stdout it goes to stderr."""
    click.echo(sentence, err=as_json)


def _after_commitment(before: land_results.Round, now: land_results.Round, reveal_with: str) -> str:
    if now["phase"] in _REVEALING:
        return f"All have committed. Reveal now{_until(now)}: {reveal_with}"
    length_ms, deadline_ms = before["reveal_ms"], now["phase_deadline_ms"]
    begins = "" if deadline_ms is None else f" and at {moment(deadline_ms)} at the latest"
    lasts = "" if length_ms is None else f"; you then have {duration(length_ms)}"
    return (
        f"Keep the file. Revealing begins when all have committed{begins}{lasts}: then run "
        f"{reveal_with}"
    )


def _until(found: land_results.Round) -> str:
    deadline_ms = found["phase_deadline_ms"]
    return "" if deadline_ms is None else f" until {moment(deadline_ms)}"


def duration(length_ms: int) -> str:
    """In its two largest units, or in ms below a second."""
    parts, rest = [], length_ms
    for name, unit_ms in _UNITS_MS:
        count, rest = divmod(rest, unit_ms)
        if count:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return " ".join(parts[:2]) if parts else f"{length_ms} ms"


def _file_part(zone: str) -> str:
    """A zone's id as part of a file name."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in zone)
