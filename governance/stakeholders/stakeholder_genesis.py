"""The section `stakeholders` of genesis: who is there on day one (governance.md, "Day one").

Persons are not named there: each gets a credential from a registrar, by a transaction.
"""

from collections.abc import Mapping
from typing import Any, Final

from governance.admissible import GENESIS, at_place
from governance.stakeholders import legal_bases, organisations, rebinding, role_grants
from governance.stakeholders.role_book import PERSON_REGISTRAR
from ledger.module import Context
from ledger.primitives import MAX_UINT64, ZERO_HASH
from ledger.state import State

MAX_LISTED: Final = 256
"""Organisations, certifiers or legal bases that genesis names."""
_OPTIONS: Final = (
    "parameters",
    "organisations",
    "registrars",
    "roles",
    "certifiers",
    "legal_bases",
)


def has_stakeholders(state: State) -> bool:
    """Whether the chain's genesis has this section, so that its chambers decide."""
    return state.get(rebinding.PARAMETERS, b"") is not None


def write_genesis(context: Context, section: Mapping[str, Any], kinds: tuple[str, ...]) -> None:
    """Write what the section names; kinds: of contributions, for certifiers' limits.

    LocalError that names a wrong place. An empty section writes nothing: a chain without
    stakeholders, on which an authority of genesis decides.
    """
    if not section:
        return
    given = GENESIS.fields(dict(section), "stakeholders", optional=_OPTIONS)
    _write_parameters(context, given.get("parameters", {}))
    for place, item in _listed(given, "organisations"):
        _write_organisation(context, item, place)
    for place, item in _listed(given, "registrars"):
        _write_grant(context, PERSON_REGISTRAR, item, place)
    roles = GENESIS.fields(
        given.get("roles", {}), "stakeholders.roles", optional=role_grants.BY_GRANT_ROLE
    )
    for role, accounts in roles.items():
        for index, item in enumerate(GENESIS.items(accounts, f"stakeholders.roles.{role}")):
            _write_grant(context, role, item, f"stakeholders.roles.{role}[{index}]")
    for place, item in _listed(given, "certifiers"):
        _write_limit(context, item, place, kinds)
    for place, item in _listed(given, "legal_bases"):
        _write_basis(context, item, place)


def _listed(given: Mapping[str, Any], option: str) -> list[tuple[str, object]]:
    place = f"stakeholders.{option}"
    items = GENESIS.items(given.get(option, []), place)
    if len(items) > MAX_LISTED:
        raise GENESIS.error(place, f"at most {MAX_LISTED}", len(items))
    return [(f"{place}[{index}]", item) for index, item in enumerate(items)]


def _write_parameters(context: Context, given: object) -> None:
    place = "stakeholders.parameters"
    fields = GENESIS.fields(given, place, optional=("objection_ms",))
    objection_ms = GENESIS.integer(
        fields.get("objection_ms", rebinding.OBJECTION_MS),
        f"{place}.objection_ms",
        1,
        rebinding.MAX_OBJECTION_MS,
    )
    context.state.put(rebinding.PARAMETERS, b"", rebinding.StakeholderParameters(objection_ms))


def _write_organisation(context: Context, item: object, place: str) -> None:
    fields = GENESIS.fields(
        item,
        place,
        ("id", "name_ko", "name_en", "chamber", "account"),
        ("validator_key", "node_key", "observers"),
    )
    texts = {
        name: GENESIS.text(fields[name], f"{place}.{name}", limit)
        for name, limit in (
            ("id", organisations.MAX_ID_BYTES),
            ("name_ko", organisations.MAX_NAME_BYTES),
            ("name_en", organisations.MAX_NAME_BYTES),
            ("chamber", organisations.MAX_NAME_BYTES),
        )
    }
    account = GENESIS.address(fields["account"], f"{place}.account")
    keys = {
        name: GENESIS.key(fields[name], f"{place}.{name}") if name in fields else b""
        for name in ("validator_key", "node_key")
    }
    observers = GENESIS.items(fields.get("observers", []), f"{place}.observers")
    if len(observers) > organisations.MAX_OBSERVERS:
        expected = f"at most {organisations.MAX_OBSERVERS}"
        raise GENESIS.error(f"{place}.observers", expected, len(observers))
    node_keys = tuple(
        GENESIS.key(key, f"{place}.observers[{index}]") for index, key in enumerate(observers)
    )
    with at_place(place):
        organisations.register(
            context,
            texts["id"],
            texts["name_ko"],
            texts["name_en"],
            texts["chamber"],
            account,
            keys["validator_key"],
            keys["node_key"],
            node_keys,
        )


def _write_grant(context: Context, role: str, item: object, place: str) -> None:
    account = GENESIS.address(item, place)
    with at_place(place):
        role_grants.grant(context, role, account)


def _write_limit(context: Context, item: object, place: str, kinds: tuple[str, ...]) -> None:
    fields = GENESIS.fields(item, place, ("account", "kind", "points_a_round"))
    account = GENESIS.address(fields["account"], f"{place}.account")
    kind = GENESIS.text(fields["kind"], f"{place}.kind", role_grants.MAX_KIND_BYTES)
    points = GENESIS.integer(fields["points_a_round"], f"{place}.points_a_round", 1, MAX_UINT64)
    with at_place(place):
        role_grants.limit(context, kinds, account, kind, points)


def _write_basis(context: Context, item: object, place: str) -> None:
    fields = GENESIS.fields(
        item, place, ("kind", "issuer", "number", "article", "document_hash"), ("gazette_hash",)
    )
    texts = {
        name: GENESIS.text(fields[name], f"{place}.{name}", limit)
        for name, limit in (
            ("kind", legal_bases.MAX_WORD_BYTES),
            ("issuer", legal_bases.MAX_ISSUER_BYTES),
            ("number", legal_bases.MAX_NUMBER_BYTES),
            ("article", legal_bases.MAX_ARTICLE_BYTES),
        )
    }
    document_hash = GENESIS.hash(fields["document_hash"], f"{place}.document_hash")
    gazette_hash = (
        GENESIS.hash(fields["gazette_hash"], f"{place}.gazette_hash")
        if "gazette_hash" in fields
        else ZERO_HASH
    )
    with at_place(place):
        legal_bases.register(
            context,
            texts["kind"],
            texts["issuer"],
            texts["number"],
            texts["article"],
            document_hash,
            gazette_hash,
        )
