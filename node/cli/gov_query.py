"""`poyong gov list`, `show`, `chambers`, `council`, `bases`, `agreements`: what a node tells."""

import json
from pathlib import Path
from typing import Final

import click

from api import calls, governance_results
from api.parameters import MAX_ITEMS, MAX_PROPOSALS
from governance.proposals.lifecycle import Status
from ledger.errors import LocalError
from node.cli.output import json_option, moment, print_fields, print_json, print_table
from node.cli.rpc import ask, rpc_options, url_of

_LACKS: Final = {
    "persons_quorum": "persons' votes, for their quorum",
    "persons_yes": "persons' Yes, at the No of now",
    "weight": "points of consenting weight",
    "institution_quorum": "votes in the chamber, for its quorum",
    "persons_chamber": "Yes in the chamber, at the No of now",
}
_PERCENT_BPS: Final = 100


@click.command("list")
@click.option(
    "--state",
    type=click.Choice([status.name for status in Status], case_sensitive=False),
    help="Only those that stand there.",
)
@click.option("--before", type=click.IntRange(min=1), help="Only numbers below; else the newest.")
@click.option(
    "--count", type=click.IntRange(1, MAX_PROPOSALS), default=MAX_PROPOSALS, show_default=True
)
@rpc_options
@json_option
def list_command(
    state: str | None,
    before: int | None,
    count: int,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """List proposals, newest first."""
    found = ask(url_of(rpc_url, home), calls.list_proposals(state, before, count))
    if as_json:
        print_json(found)
        return
    if found["proposals"]:
        print_table(
            "Proposals",
            ("number", "class", "status", "title", "brought by", "submitted", "next step"),
            [
                (
                    row["number"],
                    row["class"],
                    row["status"],
                    row["title"],
                    row["origin"],
                    moment(row["submitted_ms"]),
                    _moment(row["next_step_ms"]),
                )
                for row in found["proposals"]
            ],
        )
    else:
        click.echo("No proposal of these.")
    if found["next_before"] is not None:
        click.echo(f"There are older ones: --before {found['next_before']}")


@click.command()
@click.argument("number", type=click.IntRange(min=1))
@rpc_options
@json_option
def show(number: int, rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """Show proposal NUMBER: what it does, its votes, what is missing, when it is executed."""
    url = url_of(rpc_url, home)
    found = ask(url, calls.get_proposal(number))
    if found is None:
        raise LocalError(f"{url} knows no proposal {number}: see poyong gov list")
    if as_json:
        print_json(found)
        return
    _show_proposal(found)


def _show_proposal(found: governance_results.Proposal) -> None:
    fields: dict[str, object] = {
        "proposal": f"{found['number']}, class {found['class']}: {found['title']}",
        "status": found["status"] + (f": {found['reason']}" if found["reason"] else ""),
        "brought by": f"{found['account']} ({found['origin']}), {moment(found['submitted_ms'])}",
        "document": found["document_hash"],
        "legal basis": found["legal_basis"],
        "next step": _moment(found["next_step_ms"]),
        "executes": _executes(found),
    }
    if found["signatures_needed"]:
        fields["signatures"] = f"{found['signatures']:,} of {found['signatures_needed']:,}"
    if found["recalls_needed"]:
        fields["asked to recall"] = f"{found['recalls']:,} of {found['recalls_needed']:,}"
    if found["ended_ms"] is not None:
        fields["ended"] = moment(found["ended_ms"])
    print_fields(fields)
    for index, message in enumerate(found["messages"]):
        click.echo(f"Message {index}: {message['type']}")
        values = message["fields"]
        if values is None:
            click.echo(f"  body {message['body']}")
        else:
            for name, value in values.items():
                click.echo(f"  {name} {json.dumps(value, ensure_ascii=False)}")
    for vote in found["votes"]:
        _show_vote(vote)
    for item in found["missing"]:
        place = "" if item["chamber"] is None else f" of {item['chamber']}"
        click.echo(
            f"Missing: {item['found']:,} of {item['needed']:,} {_LACKS[item['lack']]}{place}"
        )
    if found["votes"] and found["votes"][-1]["outcome"] is None and not found["missing"]:
        click.echo("Nothing is missing: with these votes it passes.")


def _executes(found: governance_results.Proposal) -> str | None:
    time_ms = found["executes_ms"]
    if time_ms is None:
        return None
    return moment(time_ms) + ("" if found["status"] == Status.QUEUED.name else ", if it passes")


def _show_vote(vote: governance_results.ProposalVote) -> None:
    rules = vote["rules"]
    ended = vote["outcome"] or "runs"
    more = "more than" if rules["weight_is_strict"] else "at least"
    click.echo(
        f"Vote {vote['vote']} {ended}: {moment(vote['opened_ms'])} to {moment(vote['ends_ms'])}; "
        f"weight {vote['consenting_weight']} of {vote['weight']}, "
        f"{more} {rules['weight_bps'] // _PERCENT_BPS} % needed"
    )
    print_table(
        "Votes by chamber",
        ("chamber", "weight", "seated", "yes", "no", "abstain", "consents", "does not count"),
        [
            (
                row["chamber"],
                row["weight"],
                row["seated"],
                row["yes"],
                row["no"],
                row["abstain"],
                row["consents"],
                "vacant" if row["vacant"] else "recused" if row["recused"] else None,
            )
            for row in vote["chambers"]
        ],
    )


@click.command()
@rpc_options
@json_option
def chambers(rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """List the six chambers: weight, members, organisations."""
    found = ask(url_of(rpc_url, home), calls.get_chambers())
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("Nobody has a seat on this chain.")
        return
    print_table(
        "Chambers",
        ("chamber", "name", "이름", "weight", "members", "vacant", "organisations"),
        [
            (
                row["chamber"],
                row["name_en"],
                row["name_ko"],
                row["weight"],
                row["members"],
                row["vacant"],
                ", ".join(row["organisations"]) or None,
            )
            for row in found
        ],
    )


@click.command()
@rpc_options
@json_option
def council(rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """Show the emergency council: seats, pauses, and the reports that are due."""
    url = url_of(rpc_url, home)
    found = ask(url, calls.get_council())
    if found is None:
        raise LocalError(f"the chain of {url} has no proposals, so no emergency council")
    if as_json:
        print_json(found)
        return
    print_table(
        "Seats of the emergency council",
        ("chamber", "account"),
        [(row["chamber"], row["account"]) for row in found["seats"]],
    )
    if not found["pauses"]:
        click.echo("Nothing was ever paused.")
        return
    print_table(
        f"Pauses: {len(found['active'])} in force, {len(found['unreported'])} without report",
        ("pause", "what", "from", "until", "ended", "prolonged", "report due", "report"),
        [
            (
                row["number"],
                row["target"],
                moment(row["started_ms"]),
                moment(row["until_ms"]),
                _moment(row["ended_ms"]),
                row["is_renewed"],
                _moment(row["report_due_ms"]),
                row["report_hash"],
            )
            for row in found["pauses"]
        ],
    )


_AFTER: Final = click.option(
    "--after", type=click.IntRange(min=0), default=0, help="Only numbers above."
)


@click.command()
@_AFTER
@rpc_options
@json_option
def bases(after: int, rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """List the acts, ordinances and special provisions that decisions rest on."""
    found = ask(url_of(rpc_url, home), calls.list_legal_bases(after))
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("No legal basis is registered from there on.")
        return
    print_table(
        "Legal bases",
        ("basis", "kind", "issuer", "number", "article", "status", "since"),
        [
            (
                row["basis"],
                row["kind"],
                row["issuer"],
                row["number"],
                row["article"],
                row["status"],
                moment(row["history"][-1]["time_ms"]) if row["history"] else None,
            )
            for row in found
        ],
    )
    if len(found) == MAX_ITEMS:
        click.echo(f"There may be more: --after {found[-1]['basis']}")


@click.command()
@_AFTER
@rpc_options
@json_option
def agreements(after: int, rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """List agreements: what they are about, and who of the parties has signed."""
    found = ask(url_of(rpc_url, home), calls.list_agreements(after))
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("No agreement is on record from there on.")
        return
    print_table(
        "Agreements",
        ("agreement", "title", "status", "opened", "signed", "parties"),
        [
            (
                row["agreement"],
                row["title"],
                row["status"],
                moment(row["opened_ms"]),
                sum(party["signed_ms"] is not None for party in row["parties"]),
                len(row["parties"]),
            )
            for row in found
        ],
    )
    if len(found) == MAX_ITEMS:
        click.echo(f"There may be more: --after {found[-1]['agreement']}")


def _moment(time_ms: int | None) -> str | None:
    return None if time_ms is None else moment(time_ms)
