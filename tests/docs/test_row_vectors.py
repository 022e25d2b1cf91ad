"""docs/formats.md lists every table of the state with the fields of its rows, and the vectors there
are what the code gives. Run `python -m tests.docs.test_row_vectors` to print them."""

import importlib
import json
import pkgutil
from types import ModuleType
from typing import Any, get_type_hints

import pytest

import governance
import ledger
import tokenomics
from governance import authority, roles
from governance.stakeholders import key_rotation
from ledger import rows, validator_tables
from ledger.participation import BlockRecord, History, Member
from ledger.primitives import UNIT, Address, Hash
from ledger.registry import Evidence, Phase, Validator, ValidatorSet
from ledger.state import Table
from ledger.validator_tables import SetChange, evidence_key, root_key
from tests.docs.documents import section, text, vectors
from tokenomics import parameter_changes, params
from tokenomics.distribution import (
    certificates,
    distribution_rules,
    following,
    persons,
    pool_params,
    pools,
    reserve,
    shares,
    vesting,
    weights,
)
from tokenomics.facts import land_events, rate_corrections, rates, sales
from tokenomics.facts.ratio_study import RatioStudy
from tokenomics.issuance import derivation
from tokenomics.oracle import (
    appraisals,
    challenges,
    closing,
    land_rules,
    reports,
    rounds,
    zone_rounds,
    zones,
)
from tokenomics.oracle.phases import Phase as AppraisalPhase

ADDRESS = Address(b"\x11" * 20)
KEY, NODE_KEY = b"\x01" * 32, b"\x02" * 32
SET = ValidatorSet((Validator("city hall", KEY, NODE_KEY),))
EVIDENCE = Evidence(Phase.COMMIT, 5, 1, 0, b"a", b"\x01" * 64, b"b", b"\x02" * 64)
HISTORY = History(7, (Member(1, 7, 0, 0, 0),), (BlockRecord(0, 0, 1, 0),), 0, 0)
DOCUMENT, TRANSACTION = Hash(b"\x07" * 32), Hash(b"\x08" * 32)

CHANGE = parameter_changes.ParameterChange("min_reports", 3, 4, 3, 1_000, DOCUMENT)

Row = tuple[Table[Any], bytes, Any]
"""Table, key below its prefix, and a value."""

OF_VALIDATORS: list[Row] = [
    (validator_tables.TIMELINE, b"", (SetChange(0, SET),)),
    (validator_tables.HISTORY, b"", HISTORY),
    (validator_tables.ROOTS, root_key(300), (300, b"\x0a" * 32)),
    (validator_tables.PROBES, KEY, (290, 295)),
    (validator_tables.OBSERVERS, NODE_KEY, "library"),
    (validator_tables.EVIDENCE, evidence_key(EVIDENCE), 9),
    (authority.AUTHORITY, b"", ADDRESS),
    (key_rotation.KEY_ROTATIONS, b"gist", key_rotation.KeyRotation(1_600_000_000_000)),
]
OF_ROLES: list[Row] = [
    (roles.HOLDERS, b"chamber.land/" + ADDRESS, 1_700_000_000_000),
    (roles.LIMITS, ADDRESS, roles.Limits((("research", 500), ("work", 40)))),
]
OF_LAND: list[Row] = [
    (params.LAND_PARAMETERS, b"", params.LandParameters()),
    (land_rules.EARLIER_PARAMETERS, rows.key(2), params.LandParameters(min_reports=4)),
    (parameter_changes.LAND_CHANGES, rows.key(1), CHANGE),
    (parameter_changes.LAND_CHANGE_COUNT, b"", parameter_changes.ParameterChanges(1)),
    (parameter_changes.ISSUANCE_CHANGES, rows.key(1), CHANGE),
    (parameter_changes.ISSUANCE_CHANGE_COUNT, b"", parameter_changes.ParameterChanges(1)),
    (
        zones.ZONES,
        rows.key(0),
        zones.Zone("a", "2917013900", "월출동", "Wolchul", 1000, 250_000, "29", DOCUMENT),
    ),
    (
        zones.ZONE_VALUES,
        rows.key(0),
        zones.ZoneValue(250_550, 250_500, 250_540, 1, 5, 6, 7, (250_000, 250_550)),
    ),
    (rounds.SCHEDULE, b"", rounds.Schedule(1, 2, 1, 3)),
    (rates.RATE_REGIONS, b"", rates.RateRegions(2012_01, ("00", "29"))),
    (
        rates.RATE_REPORTS,
        rows.key(1, 2) + ADDRESS,
        rates.RateReport(100_057, DOCUMENT, TRANSACTION),
    ),
    (rates.OFFICIAL_RATES, rows.key(1, 2), rates.OfficialRate(100_057, (ADDRESS, ADDRESS))),
    (
        rate_corrections.CORRECTIONS,
        rows.key(1),
        rate_corrections.RateCorrection(1, 2, 100_570, 100_057, DOCUMENT, 1_000, DOCUMENT),
    ),
    (rate_corrections.CORRECTION_COUNT, b"", rate_corrections.RateCorrections(1)),
    (
        rate_corrections.REPLACED_INDICES,
        rows.key(1, 2),
        rates.RegionIndex(1_005_700_000_000),
    ),
    (rates.REGION_INDICES, rows.key(1, 2), rates.RegionIndex(1_000_570_000_000)),
    (rates.REGION_PROGRESS, rows.key(1), rates.RegionProgress(2)),
    (
        land_events.LAND_EVENTS,
        rows.key(0, 1),
        land_events.LandEvent(14_000, 10**10, DOCUMENT, 250_000, 350_000, 9, TRANSACTION),
    ),
    (
        sales.SALES,
        sales.sale_key(2012_02, "2917014100111100010"),
        sales.Sale(0, 348_800, DOCUMENT, TRANSACTION),
    ),
    (
        sales.STRUCK_SALES,
        rows.key(24_145, 1),
        sales.StruckSale(
            "2917014100111100010", 0, 348_800, DOCUMENT, TRANSACTION, "typing error", TRANSACTION
        ),
    ),
    (sales.SALES_BOOK, b"", sales.SalesBook(2, 1)),
    (rounds.ROUNDS, rows.key(2), rounds.Round(2, True, 10, 20, 30, 10, 11, 12)),
    (
        appraisals.APPRAISALS,
        rows.key(2, 0),
        appraisals.Appraisal(
            AppraisalPhase.DISPUTE_REVEAL, 21, 31, (ADDRESS,), (), (ADDRESS,), 2, 1, 250_550, 9, 0
        ),
    ),
    (
        reports.COMMITMENTS,
        reports.report_key(2, 0, ADDRESS),
        reports.Commitment(DOCUMENT, TRANSACTION),
    ),
    (
        reports.REPORTS,
        reports.report_key(2, 0, ADDRESS),
        reports.Report(reports.Seat.FURTHER, 250_550, 15, "comparison", 3, DOCUMENT, TRANSACTION),
    ),
    (
        challenges.CHALLENGES,
        rows.key(2, 0),
        challenges.Challenge(
            ADDRESS, "chamber.public", "method", DOCUMENT, TRANSACTION, challenges.Verdict.OPEN
        ),
    ),
    (challenges.CHALLENGERS, ADDRESS, challenges.Challenger(1, 5)),
    (
        zone_rounds.ZONE_ROUNDS,
        rows.key(2, 0),
        zone_rounds.ZoneRound(
            zone_rounds.Outcome.FINAL, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, DOCUMENT
        ),
    ),
    (closing.RATIO_STUDIES, rows.key(2), RatioStudy(12, 1, 2, 3, 4, is_open=True)),
    (
        rounds.TOWN_ROUNDS,
        rows.key(2),
        rounds.TownRound(2, 20, 10, 10, 2**70, 6, 30, DOCUMENT, True, 7, 2**70, None, False),
    ),
    (params.ISSUANCE_PARAMETERS, b"", params.IssuanceParameters()),
    (derivation.TOTALS, b"", derivation.IssuanceState(2, 1, UNIT, 0, 0, 0, UNIT, 0)),
    (
        derivation.ISSUANCE_ROUNDS,
        rows.key(2),
        derivation.IssuanceRound(
            number=2,
            mode=params.Mode.NET,
            lambda_bps=2_500,
            price_krw_per_token=1_000,
            hard_cap=10**9 * UNIT,
            window_anchors=9,
            limit_bps=80,
            limit_room_divisor=24,
            limit_bound_bps=500,
            is_anchor=True,
            elapsed_ms=10,
            length_ms=10,
            value_krw=5,
            base_value_krw=4,
            costs_krw=0,
            normal_growth_krw=3,
            live_krw=1,
            certified_krw=0,
            recognition_open=True,
            lasting_krw=None,
            certified_lasting_krw=None,
            recognised_krw=0,
            certified_recognised_krw=0,
            entitlement=0,
            certified_entitlement=0,
            town_scale=0,
            ceiling=0,
            room=0,
            room_certified=0,
            cover=0,
            burned=0,
            burned_in_all=0,
            outstanding=0,
            quarter_limit=0,
            limit=0,
            paused=False,
            minted=0,
            certified_minted=0,
            issued=0,
            certified_issued=0,
        ),
    ),
]
OF_DISTRIBUTION: list[Row] = [
    (pool_params.DISTRIBUTION_PARAMETERS, b"", pool_params.DistributionParameters()),
    (
        distribution_rules.COMING_PARAMETERS,
        b"",
        pool_params.DistributionParameters(cliff_quarters=2),
    ),
    (parameter_changes.DISTRIBUTION_CHANGES, rows.key(1), CHANGE),
    (parameter_changes.DISTRIBUTION_CHANGE_COUNT, b"", parameter_changes.ParameterChanges(1)),
    (following.MOVED, ADDRESS, following.Moved(DOCUMENT)),
    (pools.TOWN, b"", pools.Town(2, 940_900, 3, 1)),
    (pools.POOLS, rows.key(0), pools.PoolTotals(2**190, 100, 40, 2, UNIT, 5, 0, UNIT)),
    (pools.CLOSES, rows.key(2), pools.Close(10, (3, 2, 1, 1, 1, 2), (2**100, 0, 0, 0, 0, 0))),
    (persons.PERSONS, ADDRESS, persons.Person(DOCUMENT, 1, 3, 0, "")),
    (persons.NULLIFIERS, DOCUMENT, persons.Nullifier(ADDRESS)),
    (weights.STANDINGS, ADDRESS, weights.Standing(1_000_000, 1, 2, 3, 1, 1_000_000, 1)),
    (
        shares.HOLDINGS,
        shares.holding_key(pools.Pool.PARTICIPATION, ADDRESS),
        shares.Holding(60, 40, 3, 2**100, 2**70),
    ),
    (
        certificates.CERTIFICATES,
        certificates.certificate_key(3),
        certificates.Certificate(
            ADDRESS, ADDRESS, "work", 40, 40, DOCUMENT, 3, 1, True, "a mistake"
        ),
    ),
    (certificates.CERTIFIED, ADDRESS + b"work", certificates.Certified(3, 40)),
    (vesting.GRANTS, vesting.grant_key(ADDRESS, 19), vesting.Grant(19, UNIT, 0, 7)),
    (reserve.TRANCHES, rows.key(22), reserve.Tranche(3 * UNIT)),
]
SECTIONS = {
    "Validators": OF_VALIDATORS,
    "Roles": OF_ROLES,
    "Land and issuance": OF_LAND,
    "Distribution": OF_DISTRIBUTION,
}


def row_vectors(found: list[Row]) -> dict[str, Any]:
    return {
        "rows": {
            (table.prefix + key).hex(): table.encode(value).hex() for table, key, value in found
        }
    }


def every_table() -> set[bytes]:
    """The prefix of each table that a module of the pure rooms defines."""
    found = set()
    for room in (ledger, tokenomics, governance):
        for item in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            module: ModuleType = importlib.import_module(item.name)
            found |= {value.prefix for value in vars(module).values() if isinstance(value, Table)}
    return found


@pytest.mark.parametrize("title", SECTIONS)
def test_the_page_gives_the_vectors_of_the_code(title: str) -> None:
    assert vectors(title) == row_vectors(SECTIONS[title])


@pytest.mark.parametrize("title", SECTIONS)
def test_the_documented_rows_decode(title: str) -> None:
    for table, _, value in SECTIONS[title]:
        assert table.decode(table.encode(value)) == value


def test_every_table_is_listed() -> None:
    page = text("docs/formats.md")
    missing = [prefix for prefix in sorted(every_table()) if f"| `{prefix.decode()}`" not in page]
    assert not missing, f"docs/formats.md lists no row for {missing}"


def listed_fields(value: Any) -> str:
    """Names of a row's fields in their order; an amount is marked by a star."""
    hints = get_type_hints(type(value), include_extras=True)
    return ", ".join(
        name + ("*" if "amount" in repr(hints[name]) else "")
        for name in rows.field_names(type(value))
    )


@pytest.mark.parametrize(
    ("title", "table", "value"),
    [
        (title, table, value)
        for title in ("Land and issuance", "Distribution")
        for table, _, value in SECTIONS[title]
    ],
    ids=lambda item: type(item).__name__,
)
def test_the_fields_of_rows_are_listed(title: str, table: Table[Any], value: Any) -> None:
    (line,) = [
        line
        for line in section(title).splitlines()
        if line.startswith(f"| `{table.prefix.decode()}`")
    ]
    assert f"| `[{listed_fields(value)}]`" in line


if __name__ == "__main__":
    for heading, found_rows in SECTIONS.items():
        print(f"## {heading}\n{json.dumps(row_vectors(found_rows), indent=2)}")
        if heading in ("Land and issuance", "Distribution"):
            for table, _, value in found_rows:
                print(f"| `{table.prefix.decode()}` | `[{listed_fields(value)}]` |")
