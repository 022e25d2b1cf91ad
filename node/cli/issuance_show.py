"""`poyong issuance show`: how a round came to its mint, each line a computation in numbers.

A line is NAME = COMPUTATION = RESULT; what stands behind a semicolon says why. All numbers that a
line needs stand in it, so that a calculator recomputes it and nothing else is asked for. Formulas
and order are those of docs/economy.md.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from api import calls, land_results
from ledger.errors import LocalError
from node.cli.land_query import ratio
from node.cli.output import SYMBOL, json_option, print_fields, print_json, tokens
from node.cli.rpc import ask, rpc_options, url_of
from tokenomics.oracle.uplift import INDEX_SCALE

_HEADING: Final = (
    "// divides and rounds down: KRW to whole won, {symbol} to 18 decimals. "
    "Formulas: docs/economy.md."
)
SCALE: Final = f"{INDEX_SCALE:,}"
"""Of the nation's index at the base date."""
UNKNOWN: Final = "unknown"
"""Where official rates are missing, so that there is nothing to compute."""


@click.command()
@click.argument("number", metavar="[ROUND]", type=click.IntRange(min=1), required=False)
@rpc_options
@json_option
def show(number: int | None, rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """Show how ROUND, or the last settled one, came to its mint, to be recomputed line by line."""
    url = url_of(rpc_url, home)
    found = ask(url, calls.get_issuance(number))
    if found is None:
        last = ask(url, calls.get_issuance())["round"]
        raise LocalError(
            f"round {number} is not settled: "
            + (f"the last one that is is {last}" if last else "no round is yet")
        )
    if as_json:
        print_json(found)
        return
    derivation = found["derivation"]
    if derivation is None:
        click.echo("No round is settled yet, so nothing was minted.")
    else:
        for line in derivation_lines(derivation):
            click.echo(line)
        click.echo()
    print_fields(
        {
            f"ceiling now, {SYMBOL}": _tokens(found["ceiling"]),
            f"issued, {SYMBOL}": _tokens(found["issued"]),
            f"burned, {SYMBOL}": _tokens(found["burned"]),
            f"headroom, {SYMBOL}": _tokens(found["headroom"]),
        }
    )


def derivation_lines(found: land_results.Derivation) -> Iterator[str]:
    """The derivation as text, a computation a line."""
    kind = "an anchor" if found["is_anchor"] else "between two anchors"
    yield f"Round {found['round']}, {kind}, mode {found['mode']}"
    yield _HEADING.format(symbol=SYMBOL)
    for title, lines in (
        ("Land value", _land_value(found)),
        ("Uplift", _uplift(found)),
        ("Recognition", _recognition(found)),
        ("Ceiling and cover", _ceiling(found)),
        ("Limit and mint", _mint(found)),
    ):
        yield ""
        yield title
        yield from lines


def _land_value(found: land_results.Derivation) -> Iterator[str]:
    zones = found["zones"]
    for row in zones:
        area, price = row["area_tenth_m2"], row["counted_krw_per_m2"]
        yield _line(
            f"V {row['zone']}",
            f"{area:,} × {price:,} // 10",
            _won(area * price // 10),
            f"area in 0.1 m² at the counted price, {row['outcome']}",
        )
    yield _line("V  value", _sum([_worth(row) for row in zones]), _won(found["value_krw"]))
    for row in zones:
        area, price = row["area_tenth_m2"], row["base_krw_per_m2"]
        yield _line(
            f"V0 {row['zone']}",
            f"{area:,} × {price:,} // 10",
            _won(area * price // 10),
            "at the base price",
        )
    yield _line("V0 base value", _sum(_bases(found)), _won(found["base_value_krw"]))


def _uplift(found: land_results.Derivation) -> Iterator[str]:
    costs, growth, live = found["costs_krw"], found["normal_growth_krw"], found["live_krw"]
    yield _given("C  costs", _won(costs), "of events certified for this round or an earlier one")
    if growth is None or live is None:
        why = "official rates of the quarter are missing"
        yield _none("N  normal growth", why)
        yield _none("L  live uplift", why)
        yield _none("K  its certified part", why)
        return
    index = found["normal_growth_index"]
    if index is None:
        yield _given("N  normal growth", _won(growth), "mode GROSS")
    else:
        grown = [f"{base:,} × ({_n(index)} - {SCALE}) // {SCALE}" for base in _bases(found)]
        why = "each zone's base value with the nation's index"
        yield _line("N  normal growth", f"max(0, {' + '.join(grown)})", _won(growth), why)
    terms = " - ".join(_n(item) for item in (found["value_krw"], found["base_value_krw"]))
    yield _line("L  live uplift", f"max(0, {terms} - {_n(costs)} - {_n(growth)})", _won(live))
    rise = found["certified_rise_krw"] or "0"
    risen = [
        f"{row['area_tenth_m2']:,} × min({row['certified_krw_per_m2']:,}, "
        f"max(0, {row['accepted_krw_per_m2']:,} - {row['base_krw_per_m2']:,})) // 10"
        for row in found["zones"]
        if row["certified_krw_per_m2"]
    ]
    why = "worth of what only certified events let zones rise above their base"
    if risen:
        yield _line("Q  certified rise", " + ".join(risen), _won(rise), why)
    else:
        yield _given("Q  certified rise", _won(rise), why)
    yield _line(
        "K  its certified part",
        f"min({_n(live)}, max(0, {_n(rise)} - {_n(costs)}))",
        _won(found["certified_krw"] or "0"),
    )


def _recognition(found: land_results.Derivation) -> Iterator[str]:
    anchors = found["parameters"]["window_anchors"]
    lasting, certified = found["lasting_krw"], found["certified_lasting_krw"]
    if not found["is_anchor"]:
        why = "no anchor"
    elif found["live_krw"] is None:
        why = "L is unknown"
    else:
        why = f"fewer than {anchors} anchors in this mode"
    for name, window, lowest in (
        ("S  lasting uplift", found["window_live_krw"], lasting),
        ("Sc its certified part", found["window_certified_krw"], certified),
    ):
        if lowest is None:
            yield _none(name, why)
        else:
            remark = f"lowest of the last {anchors} anchors"
            yield _line(name, _call("min", window), _won(lowest), remark)
    if lasting is not None and not found["recognition_open"]:
        why = "the ratio gate is closed"
    for name, before, lowest, after in (
        ("R  recognised", found["recognised_before_krw"], lasting, found["recognised_krw"]),
        (
            "Rc its certified part",
            found["certified_recognised_before_krw"],
            certified,
            found["certified_recognised_krw"],
        ),
    ):
        if lowest is None or not found["recognition_open"]:
            yield _given(name, _won(after), f"as before: {why}")
        else:
            yield _line(name, f"max({_n(before)}, {_n(lowest)})", _won(after))
    for name, token, krw in (
        (
            "E  entitlement",
            (found["entitlement_before"], found["entitlement"]),
            (found["recognised_before_krw"], found["recognised_krw"]),
        ),
        (
            "Ec its certified part",
            (found["certified_entitlement_before"], found["certified_entitlement"]),
            (found["certified_recognised_before_krw"], found["certified_recognised_krw"]),
        ),
    ):
        gained = _entitlement(found, f"({_n(krw[1])} - {_n(krw[0])})")
        yield _line(name, f"{_t(token[0])} + {gained}", _tokens(token[1]))


def _ceiling(found: land_results.Derivation) -> Iterator[str]:
    genesis, before = found["genesis_allocation"], found["issued_before"]
    cap = found["parameters"]["hard_cap"]
    yield _line(
        "ceiling",
        f"min({_t(cap)}, {_t(genesis)} + {_t(found['entitlement'])})",
        _tokens(found["ceiling"]),
        "hard cap; genesis allocation and E",
    )
    yield _line(
        "room",
        f"{_t(found['ceiling'])} - {_t(before)}",
        _tokens(found["room"]),
        "what was issued before is off",
    )
    live, window = found["live_krw"], found["window_live_krw"]
    if live is None:
        covered, why = "0", "L is unknown"
    elif found["is_anchor"]:
        covered, why = _n(live), "L in tokens"
    elif window:
        covered, why = f"min({_n(live)}, {_n(window[-1])})", "at most the last anchor's L"
    else:
        covered, why = "0", "no anchor before"
    yield _line("cover", _entitlement(found, covered), _tokens(found["cover"]), why)
    yield _line(
        "outstanding",
        f"max(0, {_t(before)} - {_t(genesis)} - {_t(found['burned_in_all'])})",
        _tokens(found["outstanding"]),
        "issued before, less genesis allocation, less burned "
        f"(in this round {_t(found['burned_in_round'])})",
    )
    if found["coverage_bps"] is not None:
        yield _line(
            "coverage",
            f"{_t(found['cover'])} × 10,000 // {_t(found['outstanding'])}",
            f"{found['coverage_bps']:,} bps",
            f"{ratio(found['coverage_bps'])}, before the mint",
        )


def _mint(found: land_results.Derivation) -> Iterator[str]:
    rules, scale = found["parameters"], _t(found["town_scale"])
    certified, room = _t(found["room_certified"]), _t(found["room"])
    yield _line(
        "E0 the town's scale",
        _entitlement(found, _n(found["base_value_krw"])),
        _tokens(found["town_scale"]),
    )
    yield _line(
        "certified room",
        f"max(0, min({_t(found['certified_entitlement'])} - "
        f"{_t(found['certified_issued_before'])}, {room}))",
        _tokens(found["room_certified"]),
        "Ec, less what was minted of it before",
    )
    part, other = _part(scale, rules["limit_bps"]), f"({room} - {certified})"
    yield _line(
        "limit of a quarter",
        f"min({_part(scale, rules['limit_bound_bps'])}, {certified} + "
        f"max({part}, {other} // {rules['limit_room_divisor']:,}))",
        _tokens(found["quarter_limit"]),
    )
    length = f"{found['length_ms']:,}"
    yield _line(
        "limit",
        f"{_t(found['quarter_limit'])} × min({found['elapsed_ms']:,}, {length}) // {length}",
        _tokens(found["limit"]),
        "ms since the round before closed, of a quarter's",
    )
    if found["paused"]:
        yield _given("mint", _tokens(found["minted"]), "governance had paused minting")
    elif found["live_krw"] is None:
        yield _given("mint", _tokens(found["minted"]), "L is unknown")
    else:
        yield _line(
            "mint",
            f"max(0, min({room}, {_t(found['cover'])} - {_t(found['outstanding'])}, "
            f"{_t(found['limit'])}))",
            _tokens(found["minted"]),
            "the smallest of room, cover - outstanding and limit",
        )
    yield _line(
        "its certified part",
        f"min({_t(found['minted'])}, {certified})",
        _tokens(found["certified_minted"]),
    )
    yield _line(
        "issued",
        f"{_t(found['issued_before'])} + {_t(found['minted'])}",
        _tokens(found["issued"]),
    )


def _line(name: str, computation: str, result: str, remark: str = "") -> str:
    return f"  {name} = {computation} = {result}" + (f"; {remark}" if remark else "")


def _given(name: str, result: str, remark: str) -> str:
    """A figure that nothing computes here."""
    return f"  {name} = {result}; {remark}"


def _none(name: str, why: str) -> str:
    return f"  {name} = {UNKNOWN}; {why}"


def _entitlement(found: land_results.Derivation, krw: str) -> str:
    """What an uplift is worth in tokens."""
    rules = found["parameters"]
    return f"{krw} × {rules['lambda_bps']:,} // (10,000 × {rules['price_krw_per_token']:,})"


def _part(amount: str, bps: int) -> str:
    return f"{amount} × {bps:,} // 10,000"


def _sum(amounts: Sequence[int]) -> str:
    return " + ".join(f"{amount:,}" for amount in amounts) or "0"


def _call(name: str, amounts: Sequence[str]) -> str:
    """Of one number a calculator needs no minimum."""
    if len(amounts) == 1:
        return _n(amounts[0])
    return f"{name}({', '.join(_n(amount) for amount in amounts)})"


def _bases(found: land_results.Derivation) -> list[int]:
    """What each zone is worth at its base price."""
    return [row["area_tenth_m2"] * row["base_krw_per_m2"] // 10 for row in found["zones"]]


def _worth(row: land_results.SettledZone) -> int:
    return row["area_tenth_m2"] * row["counted_krw_per_m2"] // 10


def _n(krw: str) -> str:
    return f"{int(krw):,}"


def _won(krw: str | int) -> str:
    return f"{int(krw):,} KRW"


def _t(units: str) -> str:
    return tokens(int(units))


def _tokens(units: str) -> str:
    return f"{_t(units)} {SYMBOL}"
