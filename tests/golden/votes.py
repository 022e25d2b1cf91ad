"""What the votes of a golden chain carry that nothing else on it rests on."""

from typing import TYPE_CHECKING, Final

from governance.stakeholders.upgrades import MIN_NOTICE_HEIGHTS
from ledger.crypto import sha256
from node.version import VERSION
from tests.support.governed_town import account

if TYPE_CHECKING:
    from tests.golden.script import Script

FOR_EVER: Final = "999999.0.0"
"""Below which every later release is: the upgrade of a golden chain asks for none in particular."""
FAR: Final = 10_000
"""Heights to an upgrade that is called off."""
RATES: Final = ("rates 0", "rates 1")
"""Who reports official rates: two have to agree."""


def rules_and_upgrade(script: "Script") -> int:
    """Roles, registrars and legal bases change, parameters too, and an upgrade is scheduled; its
    height."""
    notice, gazette = sha256(b"notice"), sha256(b"gazette")
    script.decide(
        ("stakeholders.grant_role", "rate_reporter", account("reporter")),
        ("stakeholders.revoke_role", "rate_reporter", account("reporter"), "moved away"),
        *[("stakeholders.grant_role", "rate_reporter", account(name)) for name in RATES],
        ("stakeholders.limit_certifier", account("certifier"), "work", 2_000),
        ("stakeholders.grant_role", "sales_registrar", account("sales")),
    )
    script.decide(
        ("stakeholders.register_legal_basis", "ordinance", "City", "No. 1", "1", notice, gazette),
        ("stakeholders.set_legal_basis_status", 2, "suspended", gazette),
        ("stakeholders.appoint_registrar", account("another registrar")),
        ("stakeholders.dismiss_registrar", account("another registrar"), "retired"),
    )
    height, release = script.chain.height + 3 * MIN_NOTICE_HEIGHTS, sha256(b"a release")
    script.decide(
        ("stakeholders.schedule_upgrade", "golden", height, VERSION, FOR_EVER, release),
        ("stakeholders.schedule_upgrade", "wrong", height + FAR, VERSION, FOR_EVER, release),
    )
    script.decide(
        ("stakeholders.cancel_upgrade", "wrong"),
        ("proposals.change_parameter", "recall_bps", 0, 900),
        ("issuance.set_parameter", "lambda_bps", 2_400),
    )
    return height
