"""What a file of `poyong tx` would do, and whose signatures it has; asks no node."""

from pathlib import Path
from typing import Any

import click

from api.encoding import hex_of
from api.views import field_value
from ledger.crypto import keccak256
from ledger.errors import LocalError
from ledger.message_registry import Kind
from ledger.transaction import Draft
from node.cli.output import SYMBOL, print_fields, print_json, tokens
from node.cli.tx_ethereum import ethereum_draft_of, ethereum_facts, ethereum_shown
from node.cli.tx_files import FROM, draft_of, json_of, known_type
from node.cli.tx_partial import PartialTransaction, partial_of


def show_file(name: str, as_json: bool) -> None:
    """Explain a draft, or what members of a threshold account signed so far; - is a pipe."""
    if name != "-" and not Path(name).is_file():
        raise LocalError(f"expected a hash (0x and 64 hex digits) or a file, found {name!r:.80}")
    with click.open_file(name, "rb") as file:
        fields = json_of(file)
        source = file.name
    partial = partial_of(fields, source)
    if partial is not None:
        _show_partial(partial, as_json)
    elif "raw" in fields:
        raise LocalError(f"{source} is signed by its only key: poyong tx decode shows it")
    else:
        _show_draft(fields, as_json)


def explain(fields: dict[str, Any], partial: PartialTransaction | None) -> None:
    """On stderr, what a signature to this file is for; standard output is the next step's."""
    if partial is not None:
        shown = {"account": partial.account.address, **_shown(partial.draft)}
    else:
        shown = _shown_draft(fields)
    click.echo("What is signed:", err=True)
    print_fields(shown, err=True)


def _show_draft(fields: dict[str, Any], as_json: bool) -> None:
    if as_json:
        made = ethereum_draft_of(fields)
        facts = _facts(draft_of(fields)) if made is None else ethereum_facts(made)
        print_json(({} if FROM not in fields else {FROM: fields[FROM]}) | facts)
        return
    print_fields(_shown_draft(fields))
    click.echo("Not signed yet.")


def _shown_draft(fields: dict[str, Any]) -> dict[str, object]:
    made = ethereum_draft_of(fields)
    shown = _shown(draft_of(fields)) if made is None else ethereum_shown(made)
    return ({} if FROM not in fields else {FROM: fields[FROM]}) | shown


def _show_partial(partial: PartialTransaction, as_json: bool) -> None:
    account, complete = partial.account, partial.transaction()
    digest = hex_of(keccak256(partial.signing_bytes))
    if as_json:
        print_json(
            {
                "account": account.address,
                "threshold": account.threshold,
                **_facts(partial.draft),
                "signed": partial.signed,
                "unsigned": partial.unsigned,
                "needed": partial.needed,
                "digest": digest,
                "signing_bytes": hex_of(partial.signing_bytes),
                "hash": None if complete is None else hex_of(complete.hash),
            }
        )
        return
    print_fields(
        {
            "account": f"{account.address}, {account.threshold} of {len(account.keys)} members",
            **_shown(partial.draft),
            "digest": digest,
            "signed by": ", ".join(partial.signed) or None,
        }
    )
    click.echo(partial.status())


def _values(draft: Draft) -> dict[str, Any]:
    known = known_type(draft.type)
    return {
        field.name: field_value(field, value)
        for field, value in zip(known.fields, known.decode(draft.body), strict=True)
    }


def _facts(draft: Draft) -> dict[str, Any]:
    return {
        "chain_id": draft.chain_id,
        "nonce": draft.nonce,
        "message_type": draft.type,
        "fields": _values(draft),
        "fee": draft.fee,
        "valid_until": draft.valid_until,
    }


def _shown(draft: Draft) -> dict[str, object]:
    return {
        "chain id": str(draft.chain_id),
        "nonce": draft.nonce,
        "message": draft.type,
        **{f"  {name}": value for name, value in _read_by_people(draft).items()},
        "valid until": draft.valid_until,
    }


def _read_by_people(draft: Draft) -> dict[str, object]:
    """As _values, amounts in tokens: what is 18 digits longer is signed unread."""
    values = _values(draft)
    for field in known_type(draft.type).fields:
        if field.kind is Kind.AMOUNT:
            values[field.name] = f"{tokens(int(values[field.name]))} {SYMBOL}"
    return values
