"""What an import says to the chain: the one place that knows the fields of its messages.

The types themselves are the chain's, found by name in the registry of build_executor; their fields
in order are those of `land.report_rate` and `land.register_sale`.
"""

from collections.abc import Sequence
from typing import Any, Final

from ledger.primitives import Hash
from node.importers.rates import MonthRates
from node.importers.sales import ImportedSale

REPORT_RATE: Final = "land.report_rate"
REGISTER_SALE: Final = "land.register_sale"

Message = tuple[int, str, tuple[Any, ...]]
"""Line of the file, name of the message type, and its fields in order."""


def rate_messages(rows: Sequence[MonthRates], gazette_hash: Hash) -> list[Message]:
    """One report a month and region, months in order, the regions of a month together."""
    return [
        (row.line, REPORT_RATE, (region, row.month, step, gazette_hash))
        for row in rows
        for region, step in sorted(row.steps.items())
    ]


def sale_messages(sales: Sequence[ImportedSale], document_hash: Hash) -> list[Message]:
    """One registration a sale."""
    return [
        (
            sale.line,
            REGISTER_SALE,
            (sale.zone, sale.pnu, sale.price_krw_per_m2, sale.sold_month, document_hash),
        )
        for sale in sales
    ]
