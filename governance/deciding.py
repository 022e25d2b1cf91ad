"""Decisions about validators, observers and, without stakeholders, about roles.

On a chain with stakeholders a vote sends them (governance/proposals/proposals.py); on any other,
the one authority that genesis names.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from governance.authority import GENESIS, require_authority, write_authority
from governance.ports import ValidatorAdmission
from governance.proposals.classes import has_proposals
from governance.roles import RoleBook
from governance.stakeholders.key_rotation import ROTATE_OWN_KEY, rotate_own_key
from governance.stakeholders.stakeholder_genesis import has_stakeholders
from ledger.crypto import ED25519_KEY_BYTES
from ledger.errors import DecodeError, ErrorCode, TransactionError, ensure
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import BlockInfo, Context, Handler, Invariant
from ledger.registry import MAX_ORGANISATION_BYTES, Validator
from ledger.state import State

_ORGANISATION: Final = Field("organisation", Kind.TEXT, "organisation name", MAX_ORGANISATION_BYTES)
_PUBLIC_KEY: Final = Field(
    "public_key", Kind.BYTES, "Ed25519 consensus key, 32 bytes", ED25519_KEY_BYTES
)
_NODE_KEY: Final = Field("node_key", Kind.BYTES, "Ed25519 node key, 32 bytes", ED25519_KEY_BYTES)

ADD_VALIDATOR: Final = MessageType(
    "governance.add_validator",
    "Adds a validator two heights later.",
    (_ORGANISATION, _PUBLIC_KEY, _NODE_KEY),
)
REMOVE_VALIDATOR: Final = MessageType(
    "governance.remove_validator",
    "Removes an organisation's validator two heights later.",
    (_ORGANISATION,),
)
ROTATE_KEY: Final = MessageType(
    "governance.rotate_key",
    "Gives an organisation's validator new keys two heights later.",
    (_ORGANISATION, _PUBLIC_KEY, _NODE_KEY),
)
LIFT_SUSPENSION: Final = MessageType(
    "governance.lift_suspension",
    "Lets a validator that was suspended for evidence propose again.",
    (_ORGANISATION,),
)
ADD_OBSERVER: Final = MessageType(
    "governance.add_observer",
    "Admits an observer's node key to the peer network.",
    (_NODE_KEY, Field("name", Kind.TEXT, "observer's name", MAX_ORGANISATION_BYTES)),
)
REMOVE_OBSERVER: Final = MessageType(
    "governance.remove_observer",
    "Admits an observer's node key no longer.",
    (_NODE_KEY,),
)


def _proposals_have_stakeholders(state: State, info: BlockInfo) -> None:
    """A chain whose genesis has proposals names who decides them."""
    del info
    ensure(
        has_stakeholders(state) or not has_proposals(state),
        "genesis has modules.proposals and no modules.stakeholders: nobody could decide",
    )


class DecidingModule:
    """StateModule "governance": checks who decides, and hands the decision to the port; the
    messages of the role book are its own too."""

    name: Final = "governance"
    invariants: Final[Mapping[str, Invariant]] = {
        "proposals_have_stakeholders": _proposals_have_stakeholders
    }

    def __init__(self, validators: ValidatorAdmission, roles: RoleBook) -> None:
        self._validators = validators
        self._roles = roles

    @property
    def handlers(self) -> Mapping[MessageType, Handler]:
        """The decisions."""
        return {
            ADD_VALIDATOR: self._add_validator,
            REMOVE_VALIDATOR: self._remove_validator,
            ROTATE_KEY: self._rotate_key,
            ROTATE_OWN_KEY: partial(rotate_own_key, self._validators),
            LIFT_SUSPENSION: self._lift_suspension,
            ADD_OBSERVER: self._add_observer,
            REMOVE_OBSERVER: self._remove_observer,
            **self._roles.handlers,
        }

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        """section: authority, roles and certifiers (docs/operating.md); without an authority
        nobody can decide anything. LocalError names a wrong field."""
        given = GENESIS.fields(section, "governance", optional=("authority", "roles", "certifiers"))
        if given and has_stakeholders(context.state):
            expected = "nothing beside stakeholders, whose votes decide and whose section has roles"
            raise GENESIS.error("governance", expected, sorted(given))
        if "authority" in given:
            write_authority(context.state, given["authority"])
        self._roles.write_genesis(context, given.get("roles", {}), given.get("certifiers", []))

    def begin_block(self, context: Context) -> None:
        """Nothing to do."""

    def end_block(self, context: Context) -> None:
        """Nothing to do."""

    def next_deadline_ms(self, state: State) -> int | None:
        """None: nothing depends on time."""
        del state
        return None

    def _add_validator(
        self, context: Context, organisation: str, public_key: bytes, node_key: bytes
    ) -> None:
        require_authority(context)
        self._validators.add_validator(context, _validator(organisation, public_key, node_key))

    def _remove_validator(self, context: Context, organisation: str) -> None:
        require_authority(context)
        self._validators.remove_validator(context, organisation)

    def _rotate_key(
        self, context: Context, organisation: str, public_key: bytes, node_key: bytes
    ) -> None:
        require_authority(context)
        self._validators.rotate_key(context, _validator(organisation, public_key, node_key))

    def _lift_suspension(self, context: Context, organisation: str) -> None:
        require_authority(context)
        self._validators.lift_suspension(context, organisation)

    def _add_observer(self, context: Context, node_key: bytes, name: str) -> None:
        require_authority(context)
        _require_key(node_key)
        self._validators.add_observer(context, node_key, name)

    def _remove_observer(self, context: Context, node_key: bytes) -> None:
        require_authority(context)
        self._validators.remove_observer(context, node_key)


def _require_key(key: bytes) -> None:
    if len(key) != ED25519_KEY_BYTES:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"node_key: expected {ED25519_KEY_BYTES} bytes, found {len(key)}",
        )


def _validator(organisation: str, public_key: bytes, node_key: bytes) -> Validator:
    try:
        return Validator(organisation, public_key, node_key)
    except DecodeError as error:
        raise TransactionError(ErrorCode.INVALID_MESSAGE, str(error)) from error
