"""`poyong land commit` refuses before it sends what the chain would refuse at the reveal."""

import pytest

from api.land_examples import ROUND
from ledger.crypto import sha256
from ledger.errors import LocalError
from ledger.primitives import Address
from node.appraisal_file import SealedAppraisal
from node.cli.land_appraisal import check_report
from tokenomics.oracle.reports import Statement


def sealed(price: int) -> SealedAppraisal:
    said = Statement(price, ROUND["opened_ms"], "comparison", 8, sha256(b"document"))
    return SealedAppraisal(
        82062, ROUND["zone"], ROUND["round"], Address(b"a" * 20), said, sha256(b"salt")
    )


def test_the_true_price_can_be_said_after_a_deep_fall_that_was_wrong() -> None:
    """A decade from the last accepted price, and near an earlier one (ADR 0016)."""
    check_report(sealed(1_000_000), ROUND, [1_000_000, 990_000, 99_000])


def test_a_decade_from_each_of_the_last_anchors_is_a_wrong_unit() -> None:
    with pytest.raises(LocalError, match="a wrong unit"):
        check_report(sealed(10_000_000), ROUND, [1_000_000, 990_000, 99_000])
