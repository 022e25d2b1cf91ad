"""The genesis document that follows from terms and contributions, in one way alone."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ledger import genesis
from ledger.errors import LocalError
from ledger.genesis import Genesis
from ledger.primitives import Hash
from node.ceremony.contributions import Contribution
from node.ceremony.terms import ORGANISATIONS, STAKEHOLDERS, Terms
from node.modules import build_executor

_SOURCE: Final = "the assembled document"


def assemble(terms: Terms, contributions: Mapping[str, Contribution]) -> tuple[Genesis, Hash]:
    """The document, and the hash of its block: the genesis hash.

    contributions: by id. The seats are in the order of the terms. LocalError when a member is
    missing, two share what only one can have, or the modules refuse what the document says.
    """
    missing = [name for name in terms.members if name not in contributions]
    if missing:
        raise LocalError(
            f"the contribution of {', '.join(missing)} is missing: all of {len(terms.members)} "
            "members have to hand theirs in"
        )
    found = [contributions[name] for name in terms.members]
    require_distinct(found)
    if not any(each.public_key for each in found):
        raise LocalError("no member brings a validator: a chain needs one at least")
    document = genesis.parse(json.dumps(_document(terms, found)).encode(), _SOURCE)
    return document, genesis.header(document, build_executor()).hash


def require_distinct(contributions: Sequence[Contribution]) -> None:
    """LocalError when two organisations have a key, an account, a name or an address in common."""
    unique: tuple[tuple[str, Callable[[Contribution], Sequence[object]]], ...] = (
        ("key", lambda each: [key.hex() for key in each.keys.values()]),
        ("account", lambda each: [each.wish.account.address]),
        ("Korean name", lambda each: [each.wish.name_ko]),
        ("English name", lambda each: [each.wish.name_en]),
        ("address", lambda each: [each.wish.address]),
    )
    for what, values_of in unique:
        owners: dict[object, str] = {}
        for each in contributions:
            for value in values_of(each):
                if value in owners:
                    raise LocalError(
                        f"{owners[value]} and {each.wish.id} have the same {what}, {value}: each "
                        "needs its own; have one of them contribute anew"
                    )
                owners[value] = each.wish.id


def _document(terms: Terms, contributions: Sequence[Contribution]) -> dict[str, Any]:
    agreed = terms.genesis
    modules = dict(agreed["modules"])
    accounts = dict(modules.get("accounts", {}))
    accounts["accounts"] = [
        *accounts.get("accounts", []),
        *(
            {"address": each.wish.account.address, "balance": str(each.wish.balance)}
            for each in contributions
            if each.wish.balance
        ),
    ]
    modules["accounts"] = accounts
    modules[STAKEHOLDERS] = {
        ORGANISATIONS: [_organisation(each) for each in contributions],
        **modules.get(STAKEHOLDERS, {}),
    }
    return {
        **agreed,
        "validators": [
            {
                "organisation": each.wish.name_en,
                "public_key": each.public_key.hex(),
                "node_key": each.node_key.hex(),
            }
            for each in contributions
            if each.public_key
        ],
        "observers": [
            *agreed.get("observers", []),
            *(
                {"name": each.wish.name_en, "node_key": each.node_key.hex()}
                for each in contributions
                if not each.public_key
            ),
        ],
        "modules": modules,
    }


def _organisation(each: Contribution) -> dict[str, Any]:
    wish = each.wish
    keys: dict[str, Any] = (
        {"validator_key": each.public_key.hex(), "node_key": each.node_key.hex()}
        if each.public_key
        else {"observers": [each.node_key.hex()]}
    )
    return {
        "id": wish.id,
        "name_ko": wish.name_ko,
        "name_en": wish.name_en,
        "chamber": wish.chamber,
        "account": wish.account.address,
        **keys,
    }
