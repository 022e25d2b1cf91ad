"""What the steps of `poyong tx` hand to each other: JSON files, checked when they are read."""

import json
from pathlib import Path
from typing import IO, Any, Final

import click
from click.shell_completion import CompletionItem

from api.encoding import from_hex
from ledger import codec
from ledger.crypto import checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.message_registry import MessageType
from ledger.strict_json import read_json
from ledger.threshold import ROTATE, members_from_wire
from ledger.transaction import Draft
from node.files.whole_files import replace_whole
from node.modules import build_executor

MAX_FILE_BYTES: Final = 256 * 1024
FROM: Final = "from"
"""The field of a draft that says for whom it was built; its nonce is of that account."""


def json_of(file: IO[bytes]) -> dict[str, Any]:
    """The JSON object in a file; LocalError when it is something else or too long."""
    found = read_json(file.read(MAX_FILE_BYTES + 1), file.name, MAX_FILE_BYTES)
    if not isinstance(found, dict):
        raise LocalError(f"{file.name}: expected a JSON object as the step before prints it")
    return found


def hex_field(fields: dict[str, Any], name: str) -> bytes:
    """The bytes of a field in 0x hex; LocalError names it."""
    try:
        return from_hex(fields.get(name))
    except DecodeError as error:
        raise LocalError(f"{name}: {error}; expected what the step before prints") from error


def known_type(name: str) -> MessageType:
    """The message type of this name; LocalError lists those that exist."""
    registry = build_executor().registry
    found = registry.find(name)
    if found is None:
        known = ", ".join(item.name for item in registry.all())
        raise LocalError(f"no message type is called {name!r:.60}; there are {known}")
    return found


def complete_type(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Message types that begin so."""
    del context, parameter
    return [
        CompletionItem(item.name, help=item.doc)
        for item in build_executor().registry.all()
        if item.name.startswith(incomplete)
    ]


def draft_of(fields: dict[str, Any]) -> Draft:
    """What `tx build` printed; LocalError when it is no message that the chain knows."""
    try:
        draft = Draft(
            chain_id=codec.as_uint(fields.get("chain_id"), "chain_id"),
            nonce=codec.as_uint(fields.get("nonce"), "nonce"),
            type=str(fields.get("type")),
            body=codec.decode(hex_field(fields, "body")),
            valid_until=codec.as_uint(fields.get("valid_until"), "valid_until"),
            fee=codec.as_uint(fields.get("fee", 0), "fee"),
        )
        values = known_type(draft.type).decode(draft.body)
        if draft.type == ROTATE.name:
            members_from_wire(*values)  # else it would fail only after everybody has signed
    except DecodeError as error:
        raise LocalError(f"the draft is wrong: {error}; build it with poyong tx build") from error
    return draft


def draft_fields(draft: Draft) -> dict[str, Any]:
    """Inverse of draft_of."""
    return {
        "chain_id": draft.chain_id,
        "nonce": draft.nonce,
        "type": draft.type,
        "body": "0x" + codec.encode(draft.body).hex(),
        "valid_until": draft.valid_until,
        "fee": draft.fee,
    }


def require_chain(fields: dict[str, Any], chain_id: int) -> None:
    """LocalError when a draft is not for this chain."""
    if fields.get("chain_id") != chain_id:
        raise LocalError(
            f"the draft is for chain {fields.get('chain_id')!r:.40}, not for {chain_id}: it would "
            "act on another chain; build it anew"
        )


def require_sender(fields: dict[str, Any], sender: bytes) -> None:
    """LocalError when a draft says that it was built for another account."""
    built_for = fields.get(FROM)
    if built_for is not None and built_for != checksum_address(sender):
        raise LocalError(
            f"the draft was built for {built_for!s:.60}, the key is that of "
            f"{checksum_address(sender)}: name its key, or build the draft for this one"
        )


def hand_over(fields: dict[str, Any], as_json: bool, output: Path | None) -> None:
    """Print the file for the next step, or write it whole to `output`, which is replaced.

    Both forms are JSON: the next step reads either.
    """
    text = json.dumps(fields, indent=None if as_json else 2, ensure_ascii=False)
    if output is None:
        click.echo(text)
        return
    replace_whole(output, f"{text}\n".encode())
