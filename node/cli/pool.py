"""`poyong pool`: the pools of a chain, what an account holds in them, and its claims."""

from pathlib import Path

import click

from api import calls, pool_results
from ledger.errors import LocalError
from node.cli.output import SYMBOL, json_option, print_fields, print_json, print_table, tokens
from node.cli.rpc import ask, rpc_options, url_of
from node.cli.sending import send_message, signer_of, signing_options
from node.keys.keystore import KeyKind
from tokenomics.distribution.claims import CLAIM
from tokenomics.distribution.pools import PERSON_POOL_NAMES


@click.group()
def pool() -> None:
    """Show the pools of a chain and what an account holds in them; claim."""


@pool.command()
@click.argument("account", metavar="[ACCOUNT]", required=False)
@rpc_options
@json_option
def show(account: str | None, rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """Show every pool, or what ACCOUNT holds, may claim and may release."""
    url = url_of(rpc_url, home)
    if account is not None:
        position = ask(url, calls.get_position(account))
        if position is None:
            raise LocalError(f"{account} is not enrolled: a registrar of persons enrols")
        if as_json:
            print_json(position)
        else:
            _show_position(position)
        return
    found = ask(url, calls.get_pools())
    if found is None:
        raise LocalError(
            f"the chain of {url} has no distribution: its treasury receives every mint"
        )
    if as_json:
        print_json(found)
    else:
        _show_pools(found)


@pool.command()
@click.argument("pool_name", metavar="POOL", type=click.Choice(list(PERSON_POOL_NAMES)))
@signing_options
@rpc_options
@json_option
def claim(
    pool_name: str,
    key: Path | None,
    password_file: Path | None,
    local: int | None,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Claim what your shares of POOL earned, as a grant that vests; waits until it is final."""
    url = url_of(rpc_url, home)
    signer = signer_of(key, password_file, local, KeyKind.ACCOUNT)
    send_message(url, signer, CLAIM, pool_name, as_json=as_json)


def _amount(units: str) -> str:
    return tokens(int(units))


def _show_pools(found: pool_results.Pools) -> None:
    print_table(
        f"After round {found['round']}, in {SYMBOL}",
        ("pool", "%", "balance", "received", "owed", "waiting", "shares", "pending", "holders"),
        [
            (
                row["pool"],
                row["percent"],
                _amount(row["balance"]),
                _amount(row["received"]),
                _amount(row["owed"]),
                _amount(row["waiting"]),
                int(row["active_shares"]),
                int(row["pending_shares"]),
                row["holders"],
            )
            for row in found["pools"]
        ],
    )
    print_fields(
        {
            "running quarter": found["quarter"],
            "weight of newcomers": f"{found['weight_ppm']:,} ppm",
            f"vesting, in {SYMBOL}": _amount(found["vesting"]),
        }
    )


def _show_position(found: pool_results.Position) -> None:
    print_table(
        f"Shares of {found['account']}",
        ("pool", "active", "pending", f"to claim, in {SYMBOL}"),
        [
            (
                row["pool"],
                int(row["active_shares"]),
                int(row["pending_shares"]),
                _amount(row["claimable"]),
            )
            for row in found["pools"]
        ],
    )
    if found["grants"]:
        print_table(
            f"Grants, in {SYMBOL}",
            ("quarter", "grant", "vested", "unvested", "released", "more vests in"),
            [
                (
                    row["quarter"],
                    _amount(row["amount"]),
                    _amount(row["vested"]),
                    _amount(row["unvested"]),
                    _amount(row["released"]),
                    row["next_vesting_quarter"],
                )
                for row in found["grants"]
            ],
        )
    left = None if found["left_quarter"] is None else f"{found['left_quarter']} ({found['cause']})"
    print_fields(
        {
            "running quarter": found["quarter"],
            "weight of points": f"{found['weight_ppm']:,} ppm, of quarter "
            f"{found['weight_quarter']}",
            f"to release, in {SYMBOL}": _amount(found["releasable"]),
            "left in quarter": left,
        }
    )
