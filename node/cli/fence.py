"""`poyong fence`: which of the folders with one validator's key may sign."""

from pathlib import Path
from typing import Any

import click

from ledger.errors import LocalError
from node.cli.home import home_option
from node.cli.output import json_option, print_fields, print_json
from node.signing import fence_moves
from node.signing.fence import MAX_NUMBER, PLACE_BYTES, Fence, decode_token, described, encode_token


@click.group()
def fence() -> None:
    """Which of the folders with one validator's key may sign; moves the right to another one."""


@fence.command()
@home_option("Folder of the node.")
@json_option
def show(home: Path, as_json: bool) -> None:
    """Whether this folder may sign, and the place that a release has to name."""
    _print(fence_moves.place_of(home), as_json)


@fence.command()
@home_option("Folder of the node, which must not be running.")
@click.option("--to", required=True, help="Place of the other folder, as `poyong fence show` says.")
@json_option
def release(home: Path, to: str, as_json: bool) -> None:
    """Give up the right to sign, for good, and print the token for the other folder.

    From then on this folder starts only without a validator's key. The same release can be
    repeated, and prints the same token.
    """
    try:
        place = bytes.fromhex(to)
    except ValueError:
        place = b""
    if len(place) != PLACE_BYTES:
        raise LocalError(
            f"--to: expected {2 * PLACE_BYTES} hex digits, found {to!r:.80}: see `poyong fence "
            "show` on the other folder"
        )
    token = fence_moves.release(home, place)
    if as_json:
        print_json(
            {
                "token": encode_token(token),
                "number": token.number,
                "signs_from": token.signs_from,
            }
        )
    else:
        click.echo(encode_token(token))


@fence.command()
@home_option("Folder of the node, which must not be running.")
@click.argument("token", required=False)
@click.option(
    "--without-token",
    is_flag=True,
    help="No other machine will ever sign with this key again, or a signer stands before it.",
)
@click.option(
    "--number",
    type=click.IntRange(1, MAX_NUMBER),
    help="Without a token: the number of the right, above that which the signer names.",
)
@json_option
def take(
    home: Path, token: str | None, without_token: bool, number: int | None, as_json: bool
) -> None:
    """Take the right to sign by the TOKEN of the folder that had it; the next start acts on it.

    Without a token the node signs only past what others certify, as after a lost vote record.
    """
    if (token is None) != without_token or (number is not None and token is not None):
        raise click.UsageError("give either TOKEN, or --without-token (and --number)")
    if token is None:
        found = fence_moves.take_without_token(home, number)
    else:
        found = fence_moves.take(home, decode_token(token))
    _print(found, as_json)


def _print(found: Fence, as_json: bool) -> None:
    facts: dict[str, Any] = {
        "place": found.place.hex(),
        "standing": found.standing.name,
        "number": found.number,
        "signs_from": found.signs_from,
        "meaning": described(found),
    }
    if as_json:
        print_json(facts)
    else:
        print_fields(facts)
