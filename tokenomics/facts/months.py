"""Months of the calendar, written yyyymm, and the months that a town round stands for.

The chain's calendar has no clock: its month 1 is `first_month` of genesis, and round r is the
quarter of months 3r-2 to 3r, whatever the time scale of a local town.
"""

from typing import Final

from ledger.errors import ErrorCode, TransactionError

MONTHS_A_QUARTER: Final = 3
MONTHS_A_YEAR: Final = 12
LOWEST_MONTH: Final = 1900_01
HIGHEST_MONTH: Final = 9999_12


def is_month(yyyymm: int) -> bool:
    """True for a year and a month from 01 to 12, from LOWEST_MONTH to HIGHEST_MONTH."""
    return LOWEST_MONTH <= yyyymm <= HIGHEST_MONTH and 1 <= yyyymm % 100 <= MONTHS_A_YEAR


def ordinal(yyyymm: int) -> int:
    """Months since the start of year 0: a month later is one more."""
    return yyyymm // 100 * MONTHS_A_YEAR + yyyymm % 100 - 1


def month_of(ordinal_number: int) -> int:
    """yyyymm of an ordinal."""
    year, month = divmod(ordinal_number, MONTHS_A_YEAR)
    return year * 100 + month + 1


def number_in(first_month: int, yyyymm: int) -> int:
    """Number of a month on a chain whose month 1 is `first_month`; 0 or less before it."""
    return ordinal(yyyymm) - ordinal(first_month) + 1


def month_at(first_month: int, number: int) -> int:
    """yyyymm of the chain's month `number`."""
    return month_of(ordinal(first_month) + number - 1)


def last_month(round_number: int) -> int:
    """Number of the month with which a round's quarter ends; 0 for round 0, the base date."""
    return MONTHS_A_QUARTER * round_number


def require_month(yyyymm: int, name: str) -> None:
    """TransactionError when a message's field is no month."""
    if not is_month(yyyymm):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"{name}: expected a year and a month as yyyymm, from {LOWEST_MONTH}, found {yyyymm}",
        )
