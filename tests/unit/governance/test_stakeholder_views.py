"""What anybody may read of stakeholders, as JSON can carry it."""

import json

from governance.chambers import ALL_CHAMBERS, CHAMBER_LANDOWNERS, CHAMBER_PUBLIC
from governance.stakeholders import (
    agreements,
    legal_bases,
    stakeholder_views,
    upgrades,
)
from governance.stakeholders.credentials import REVOKE
from governance.stakeholders.organisations import REMOVE
from governance.stakeholders.rebinding import PROPOSE
from governance.stakeholders.role_grants import GRANT_ROLE, LIMIT_CERTIFIER
from ledger.crypto import checksum_address
from tests.support.stakeholder_town import (
    DOCUMENT,
    EVIDENCE,
    GAZETTE,
    OBJECTION_MS,
    REGISTRAR,
    StakeholderTown,
    account,
    hash_of,
)


def test_chambers_show_weights_and_who_is_seated() -> None:
    town = StakeholderTown()
    town.register("city", CHAMBER_PUBLIC)
    town.grant("kim", CHAMBER_LANDOWNERS)
    views = {view["chamber"]: view for view in stakeholder_views.chamber_list(town.state)}
    assert list(views) == [chamber.name for chamber in ALL_CHAMBERS]
    assert json.loads(json.dumps(views[CHAMBER_PUBLIC])) == {
        "chamber": "chamber.public",
        "name_ko": "공공",
        "name_en": "public bodies",
        "kind": "institutional",
        "weight": 16,
        "members": 1,
        "min_members": 1,
        "vacant": False,
        "organisations": ["city"],
    }
    owners = views[CHAMBER_LANDOWNERS]
    assert (owners["members"], owners["vacant"], owners["organisations"]) == (1, True, [])


def test_an_organisation_is_shown_with_the_history_of_its_seat() -> None:
    town = StakeholderTown()
    town.register("city", CHAMBER_PUBLIC)
    town.register("bureau", CHAMBER_PUBLIC)
    town.decide(REMOVE, "city", "dissolved")
    listed = stakeholder_views.organisation_list(town.state)
    assert [view["id"] for view in listed] == ["bureau", "city"]
    city = listed[1]
    assert (city["status"], city["reason"]) == ("removed", "dissolved")
    assert city["account"] == checksum_address(account("city"))
    assert city["memberships"] == [{"chamber": CHAMBER_PUBLIC, "began": 1, "ended": 3}]
    assert stakeholder_views.organisation_list(town.state, after="bureau") == [city]
    assert stakeholder_views.organisation(town.state, "nobody") is None


def test_a_person_is_shown_by_account_and_with_the_public_record_alone() -> None:
    town = StakeholderTown()
    who = town.grant("kim", CHAMBER_LANDOWNERS)
    granted_ms = town.time_ms
    town.send(REGISTRAR, PROPOSE, who, account("new"), EVIDENCE)
    view = stakeholder_views.person(town.state, who)
    assert view == {
        "credential": 1,
        "account": checksum_address(who),
        "chamber": CHAMBER_LANDOWNERS,
        "commitment": hash_of("commitment kim").hex(),
        "registrar": checksum_address(REGISTRAR),
        "granted_ms": granted_ms,
        "in_force": True,
        "revoked_ms": None,
        "reason": None,
        "memberships": [{"chamber": CHAMBER_LANDOWNERS, "began": 1, "ended": None}],
        "moving_to": checksum_address(account("new")),
        "moving_ms": town.time_ms + OBJECTION_MS,
        "rebinding": 1,
    }
    assert stakeholder_views.person(town.state, account("new")) is None
    town.block(after_ms=OBJECTION_MS)
    assert stakeholder_views.person(town.state, who) is None
    town.send(REGISTRAR, REVOKE, account("new"), 2)
    moved = stakeholder_views.person(town.state, account("new"))
    assert moved is not None
    assert (moved["in_force"], moved["reason"], moved["moving_to"]) == (False, "asked_for", None)


def test_organisations_are_no_persons() -> None:
    town = StakeholderTown()
    assert stakeholder_views.person(town.state, town.register("city", CHAMBER_PUBLIC)) is None


def test_roles_are_shown_with_what_certifiers_may_certify() -> None:
    town = StakeholderTown()
    town.decide(GRANT_ROLE, "certifier", account("lab"))
    town.decide(LIMIT_CERTIFIER, account("lab"), "work", 5)
    views = {view["role"]: view for view in stakeholder_views.role_list(town.state, town.roles)}
    lab = checksum_address(account("lab"))
    assert views["certifier"] == {
        "role": "certifier",
        "holders": [lab],
        "limits": [{"account": lab, "kind": "work", "points_a_round": 5}],
    }
    assert views["person_registrar"]["holders"] == [checksum_address(REGISTRAR)]


def test_legal_bases_agreements_and_upgrades_are_shown_page_by_page() -> None:
    town = StakeholderTown()
    for number in ("1", "2"):
        town.decide(legal_bases.REGISTER, "ordinance", "시", number, "1", DOCUMENT, GAZETTE)
    town.decide(legal_bases.SET_STATUS, 1, "suspended", GAZETTE)
    first, second = stakeholder_views.legal_basis_list(town.state)
    assert (first["status"], second["status"]) == ("suspended", "in force")
    assert [change["status"] for change in first["history"]] == ["in force", "suspended"]
    assert stakeholder_views.legal_basis_list(town.state, after=1) == [second]
    assert stakeholder_views.legal_basis(town.state, 3) is None

    school, lab = account("school"), account("lab")
    town.decide(agreements.OPEN, "협약", DOCUMENT, (school, lab))
    town.send(lab, agreements.SIGN, 1)
    (view,) = stakeholder_views.agreement_list(town.state)
    assert view["status"] == "open"
    signed = {party["account"]: party["signed_ms"] for party in view["parties"]}
    assert signed == {checksum_address(lab): town.time_ms, checksum_address(school): None}
    assert stakeholder_views.agreement(town.state, 2) is None

    town.decide(upgrades.SCHEDULE, "vouchers", 99, "0.2.0", "1.0.0", DOCUMENT)
    (shown,) = stakeholder_views.upgrade_list(town.state)
    assert (shown["upgrade"], shown["status"], shown["height"]) == ("vouchers", "scheduled", 99)
    json.dumps([first, view, shown])
