"""Values of official tables as the project counts them; RowError for anything else."""

from typing import Final

from node.importers.table import RowError, shown
from tokenomics.oracle.parcels import PNU_DIGITS
from tokenomics.params import MAX_AREA_TENTH_M2, MAX_PRICE_KRW_PER_M2

LEGAL_DONG_DIGITS: Final = 10
MAX_DIGITS: Final = 18
MAX_AREA_DECIMALS: Final = 6
RATE_DECIMALS: Final = 3
INDEX_STEP_BASE: Final = 100_000
MIN_YEAR: Final = 1900
MAX_YEAR: Final = 2200


def digits(name: str, text: str, count: int) -> str:
    """Text of exactly so many digits."""
    if len(text) != count or not is_digits(text):
        hint = (
            "; a spreadsheet may have rounded it: format the column as text" if "E+" in text else ""
        )
        raise RowError(f"{name}: expected {count} digits, found {shown(text)}{hint}")
    return text


def is_digits(text: str) -> bool:
    """ASCII digits and nothing else."""
    return text.isascii() and text.isdigit()


def pnu(name: str, text: str) -> str:
    """필지고유번호."""
    return digits(name, text, PNU_DIGITS)


def price(name: str, text: str, lowest: int = 1) -> int:
    """Whole KRW/m2; thousands may be separated by commas."""
    return _whole(name, text, lowest, MAX_PRICE_KRW_PER_M2, "whole KRW/m²")


def year(name: str, text: str) -> int:
    """Four digits."""
    return _whole(name, text, MIN_YEAR, MAX_YEAR, "a year")


def month(name: str, text: str) -> int:
    """yyyy-mm, yyyy.mm, yyyy/mm or yyyymm, as yyyymm."""
    plain = text if len(text) == 6 else text[:4] + text[5:] if text[4:5] in "-./" else ""
    if len(plain) == 6 and is_digits(plain):
        found = int(plain)
        if MIN_YEAR <= found // 100 <= MAX_YEAR and 1 <= found % 100 <= 12:
            return found
    raise RowError(f"{name}: expected a month such as 2012-01, found {shown(text)}")


def month_after(given: int) -> int:
    """The next month, both as yyyymm."""
    return given + 1 if given % 100 < 12 else given + 89


def area_tenth_m2(name: str, text: str) -> int:
    """m2 with decimals, in 0.1 m2, floored."""
    whole, _, fraction = text.replace(",", "").partition(".")
    if is_digits(whole) and len(whole) <= MAX_DIGITS and len(fraction) <= MAX_AREA_DECIMALS:
        found = int(whole) * 10 + int(fraction[:1] or 0) if is_digits(fraction or "0") else 0
        if 1 <= found <= MAX_AREA_TENTH_M2:
            return found
    raise RowError(
        f"{name}: expected m² from 0.1 to {MAX_AREA_TENTH_M2 // 10:,}, found {shown(text)}"
    )


def index_step(name: str, text: str) -> int:
    """A monthly change in percent with up to three decimals, as 100000 + 0.001 %."""
    sign, plain = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    whole, point, fraction = plain.partition(".")
    fits = is_digits(whole) and len(whole) <= 3 and len(fraction) <= RATE_DECIMALS
    if fits and (is_digits(fraction) or not point):
        found = INDEX_STEP_BASE + sign * int(whole + fraction.ljust(RATE_DECIMALS, "0"))
        if 0 < found < 2 * INDEX_STEP_BASE:
            return found
    raise RowError(
        f"{name}: expected percent between -100 and 100 with up to three decimals, such as 0.057, "
        f"found {shown(text)}"
    )


def _whole(name: str, text: str, lowest: int, highest: int, what: str) -> int:
    plain = text.replace(",", "")
    if is_digits(plain) and len(plain) <= MAX_DIGITS and lowest <= int(plain) <= highest:
        return int(plain)
    raise RowError(f"{name}: expected {what} in {lowest}..{highest}, found {shown(text)}")
