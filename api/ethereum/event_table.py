"""The values of each event, with their types in Solidity: what its log is made of.

Modules put events on the record by name; tests/architecture/test_events.py compares this table with
every place that does. An integer is a uint256, a flag among them 0 or 1. A value that an event
leaves out is shown as the zero of its type.
"""

from collections.abc import Mapping
from typing import Final

EVENTS: Final[Mapping[str, str]] = {
    "transfer.sent": "address from, address to, uint256 amount, bytes32 memo_hash",
    "land.aggregated": (
        "string zone, uint256 round, uint256 reports, uint256 median_krw_per_m2, uint256 "
        "dispersion_ppm, uint256 lowest_krw_per_m2, uint256 highest_krw_per_m2, uint256 "
        "too_wide"
    ),
    "land.appraisal_begun": (
        "string zone, uint256 round, string phase, uint256 deadline_ms, address[] panel, "
        "uint256 min_reports"
    ),
    "land.appraiser_registered": (
        "address appraiser, string nominator, bytes32 licence_hash, uint256 valid_until_ms"
    ),
    "land.appraiser_removed": "address appraiser, string reason",
    "land.appraiser_suspended": "address appraiser, uint256 round",
    "land.appraisers_drawn": (
        "string zone, uint256 round, string purpose, bytes32 mark, uint256 seats, address[] members"
    ),
    "land.challenge_settled": (
        "string zone, uint256 round, string verdict, uint256 median_krw_per_m2, uint256 "
        "blind_reports, uint256 blind_median_krw_per_m2"
    ),
    "land.challenged": (
        "string zone, uint256 round, address challenger, string chamber, string ground, bytes32 "
        "evidence_hash, uint256 median_krw_per_m2"
    ),
    "land.challenger_barred": "address challenger, uint256 until_calendar_ms, uint256 lost",
    "land.committed": (
        "string zone, uint256 round, address appraiser, string seat, bytes32 commitment"
    ),
    "land.event_certified": (
        "string zone, string stage, uint256 factor_bps, uint256 cost_krw, bytes32 "
        "document_hash, uint256 accepted_krw_per_m2, uint256 limit_krw_per_m2, uint256 "
        "from_round, uint256 last_round"
    ),
    "land.index_moved": (
        "string region, uint256 month, uint256 index_before, uint256 index_step, uint256 index"
    ),
    "land.nominated": "string chamber, string zone, uint256 term, address appraiser",
    "land.outlier": "address appraiser, uint256 round, uint256 recent",
    "land.panel_seated": (
        "uint256 zone_number, uint256 term, uint256 round, address[] members, bytes32 seed"
    ),
    "land.parameter_changed": (
        "string parameter, uint256 before, uint256 after, uint256 from_round"
    ),
    "land.phase_ended": (
        "string zone, uint256 round, string phase, uint256 committed, uint256 revealed, string "
        "reason, string next_phase, uint256 deadline_ms"
    ),
    "land.rate_corrected": (
        "string region, uint256 month, uint256 index_step_before, uint256 index_step, bytes32 "
        "gazette_hash, uint256 months, uint256 index_before, uint256 index"
    ),
    "land.rate_official": "string region, uint256 month, uint256 index_step, address[] reporters",
    "land.rate_reported": (
        "string region, uint256 month, uint256 index_step, address reporter, bytes32 "
        "gazette_hash, uint256 reports"
    ),
    "land.ratio_study": (
        "uint256 round, uint256 sales, uint256 median_ratio_ppm, uint256 lower_bound_ppm, "
        "uint256 cod_ppm, uint256 prd_ppm, uint256 is_open"
    ),
    "land.report_withheld": "string zone, uint256 round, address appraiser",
    "land.revealed": (
        "string zone, uint256 round, address appraiser, string seat, uint256 price_krw_per_m2, "
        "uint256 valuation_date_ms, string method, uint256 comparables, bytes32 document_hash"
    ),
    "land.round_opened": (
        "uint256 round, uint256 is_anchor, uint256 opened_ms, uint256 end_ms, uint256 deadline_ms"
    ),
    "land.sale_registered": (
        "string zone, string pnu, uint256 price_krw_per_m2, uint256 sold_month, address "
        "registrar, bytes32 document_hash"
    ),
    "land.sale_struck": (
        "string zone, string pnu, uint256 price_krw_per_m2, uint256 sold_month, string reason"
    ),
    "land.salt_committed": "string chamber, uint256 term, bytes32 commitment",
    "land.salt_revealed": "string chamber, uint256 term, bytes32 salt",
    "land.salt_withheld": "uint256 term, string chamber",
    "land.schedule_held": "uint256 held_ms, string reason",
    "land.town_round_closed": (
        "uint256 round, uint256 is_anchor, uint256 zones_final, uint256 reports, bytes32 "
        "reports_hash, uint256 value_krw, uint256 costs_krw, uint256 certified_krw, uint256 "
        "normal_growth_krw, uint256 recognition_open, uint256 elapsed_ms, uint256 length_ms"
    ),
    "land.zone_round_closed": (
        "string zone, uint256 round, string outcome, uint256 reports, uint256 "
        "median_krw_per_m2, uint256 dispersion_ppm, uint256 last_krw_per_m2, uint256 "
        "clip_krw_per_m2, uint256 highest_krw_per_m2, uint256 limit_krw_per_m2, uint256 "
        "accepted_krw_per_m2, uint256 rate_after, uint256 rate_before, uint256 "
        "last_counted_krw_per_m2, uint256 counted_krw_per_m2, uint256 certified_krw_per_m2, "
        "bytes32 reports_digest"
    ),
    "issuance.minted": (
        "uint256 round, uint256 amount, uint256 certified_amount, uint256 room, uint256 "
        "room_certified, uint256 cover, uint256 outstanding, uint256 quarter_limit, uint256 "
        "elapsed_ms, uint256 length_ms, uint256 limit, uint256 issued, uint256 reports, bytes32 "
        "reports_hash"
    ),
    "issuance.parameter_changed": (
        "string parameter, uint256 before, uint256 after, uint256 from_round"
    ),
    "issuance.recognised": (
        "uint256 round, string mode, uint256 is_anchor, uint256 recognition_open, uint256 "
        "value_krw, uint256 base_value_krw, uint256 costs_krw, uint256 certified_rise_krw, "
        "uint256 window_anchors, uint256 normal_growth_krw, uint256 live_krw, uint256 "
        "certified_krw, uint256 lasting_krw, uint256 certified_lasting_krw, uint256 "
        "recognised_before_krw, uint256 recognised_krw, uint256 certified_recognised_krw, "
        "uint256 lambda_bps, uint256 price_krw_per_token, uint256 entitlement, uint256 "
        "certified_entitlement, uint256 ceiling, uint256 burned, uint256 paused"
    ),
    "pool.received": (
        "string pool, uint256 round, uint256 amount, uint256 shares, uint256 accumulator"
    ),
    "distribution.certified": (
        "uint256 certificate, address certifier, address person, string kind, string pool, "
        "uint256 points, uint256 weight_ppm, uint256 shares, uint256 quarter, bytes32 "
        "evidence_hash"
    ),
    "distribution.claimed": "address person, string pool, uint256 amount, uint256 quarter",
    "distribution.dividend": "string pool, uint256 amount, uint256 shares, uint256 quarter",
    "distribution.enrolled": (
        "address person, bytes32 nullifier, address registrar, uint256 quarter"
    ),
    "distribution.left": (
        "address person, string cause, uint256 quarter, uint256 vested, uint256 unvested, "
        "uint256 unclaimed, uint256 to_reserve"
    ),
    "distribution.parameter_changed": (
        "string parameter, uint256 before, uint256 after, uint256 from_round"
    ),
    "distribution.rebound": "address old, address new, uint256 pools, uint256 grants",
    "distribution.released": "address person, uint256 amount, uint256 quarter",
    "distribution.reserve_matured": (
        "uint256 round, uint256 due, uint256 uncovered, uint256 burned, uint256 to_treasury"
    ),
    "distribution.revoked": (
        "uint256 certificate, address person, string kind, uint256 points, uint256 shares, "
        "address by, string reason"
    ),
    "distribution.spent": "address to, uint256 amount, bytes32 memo_hash, uint256 quarter",
    "proposals.challenge_filed": "uint256 petition, string zone, uint256 round",
    "proposals.challenge_petition_opened": (
        "uint256 petition, string chamber, string zone, uint256 round, string ground, bytes32 "
        "evidence_hash, address account, uint256 needed"
    ),
    "proposals.challenge_signed": (
        "uint256 petition, address account, uint256 signatures, uint256 needed"
    ),
    "proposals.delegated": (
        "address delegator, address delegate, string proposal_class, uint256 ends_mark"
    ),
    "proposals.extended": "uint256 proposal, uint256 ends_ms",
    "proposals.moved": (
        "uint256 proposal, string before, string after, uint256 due_ms, string reason"
    ),
    "proposals.parameter_changed": (
        "string parameter, uint256 position, uint256 before, uint256 after"
    ),
    "proposals.pause_agreed": (
        "string target, string chamber, address account, bytes32 reason_hash, uint256 agreeing, "
        "uint256 seats"
    ),
    "proposals.pause_ended": "uint256 pause, string target, uint256 report_due_ms",
    "proposals.pause_prolonged": "uint256 pause, uint256 until_ms",
    "proposals.pause_reported": "uint256 pause, bytes32 document_hash",
    "proposals.paused": "uint256 pause, string target, uint256 until_ms",
    "proposals.recall_signed": (
        "uint256 proposal, address account, uint256 recalls, uint256 needed"
    ),
    "proposals.seat_named": "string chamber, address by, address account",
    "proposals.seat_taken": "string chamber, address account, uint256 members",
    "proposals.signed": "uint256 proposal, address account, uint256 signatures, uint256 needed",
    "proposals.submitted": (
        "uint256 proposal, string origin, address account, string proposal_class, bytes32 "
        "content_hash, bytes32 document_hash"
    ),
    "proposals.try_failed": "uint256 proposal, uint256 tries, string reason",
    "proposals.undelegated": "address delegator, string proposal_class",
    "proposals.voted": (
        "uint256 proposal, uint256 vote, string chamber, address account, string choice, "
        "uint256 votes"
    ),
    "governance.certifier_limited": (
        "address account, string kind, uint256 points_before, uint256 points"
    ),
    "governance.key_rotated": "string organisation, bytes public_key",
    "governance.role_granted": "string role, address account, uint256 holders",
    "governance.role_revoked": "string role, address account",
    "validators.observer_added": "bytes node_key, string observer",
    "validators.observer_removed": "bytes node_key",
    "validators.probed": "bytes public_key, uint256 height, uint256 probes",
    "validators.set_change_decided": (
        "string organisation, uint256 since, uint256 validators, bytes32 validators_hash"
    ),
    "validators.suspended": "string organisation, uint256 phase, uint256 height, uint256 view",
    "validators.suspension_lifted": "string organisation",
    "stakeholders.agreement_effective": "uint256 agreement, bytes32 document_hash",
    "stakeholders.agreement_opened": (
        "uint256 agreement, string title, bytes32 document_hash, uint256 parties, address opened_by"
    ),
    "stakeholders.agreement_signed": (
        "uint256 agreement, address party, uint256 signed, uint256 parties"
    ),
    "stakeholders.agreement_withdrawn": "uint256 agreement, address withdrawn_by",
    "stakeholders.certifier_limited": (
        "address account, string kind, uint256 points_before, uint256 points"
    ),
    "stakeholders.credential_granted": (
        "uint256 credential, address account, string chamber, bytes32 commitment, address "
        "registrar, uint256 members"
    ),
    "stakeholders.credential_revoked": (
        "uint256 credential, address account, string chamber, string reason, address registrar, "
        "uint256 members"
    ),
    "stakeholders.legal_basis_registered": (
        "uint256 basis, string kind, string issuer, string number, string article, bytes32 "
        "document_hash, bytes32 gazette_hash"
    ),
    "stakeholders.legal_basis_status": "uint256 basis, string status, bytes32 gazette_hash",
    "stakeholders.organisation_changed": (
        "string organisation, string name_ko, string name_en, string chamber, string chamber_before"
    ),
    "stakeholders.organisation_registered": (
        "string organisation, string name_ko, string name_en, string chamber, address account"
    ),
    "stakeholders.organisation_status": (
        "string organisation, string status, string chamber, string reason"
    ),
    "stakeholders.rebinding_objected": "uint256 rebinding, address old, address new",
    "stakeholders.rebinding_proposed": (
        "uint256 rebinding, address old, address new, address registrar, bytes32 evidence_hash, "
        "uint256 due_ms"
    ),
    "stakeholders.rebinding_refused": "uint256 rebinding, address old, address new, string reason",
    "stakeholders.rebinding_withdrawn": (
        "uint256 rebinding, address old, address new, address registrar"
    ),
    "stakeholders.rebound": "uint256 rebinding, address old, address new",
    "stakeholders.role_granted": "uint256 grant, string role, address account, uint256 holders",
    "stakeholders.role_revoked": (
        "uint256 grant, string role, address account, uint256 holders, string reason"
    ),
    "stakeholders.upgrade_cancelled": "string upgrade, uint256 height",
    "stakeholders.upgrade_executed": (
        "string upgrade, uint256 height, string from_version, string below_version, bytes32 "
        "artefact_hash"
    ),
    "stakeholders.upgrade_scheduled": (
        "string upgrade, uint256 height, string from_version, string below_version, bytes32 "
        "artefact_hash"
    ),
    "threshold.rotated": "address account, uint256 threshold, uint256 members",
}
