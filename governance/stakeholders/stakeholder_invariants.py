"""What always holds of stakeholders. Reads all rows: for tests and `poyong doctor`."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from governance.chambers import CHAMBERS, INSTITUTIONAL
from governance.stakeholders import (
    agreements,
    credentials,
    membership,
    rebinding,
    role_grants,
    upgrades,
)
from governance.stakeholders.organisations import KEY_OWNERS, ORGANISATIONS, OrganisationStatus
from governance.stakeholders.role_book import HELD, HOLDERS, held_key
from ledger.errors import ensure
from ledger.module import BlockInfo, Invariant
from ledger.state import State


def _counts(state: State, block: BlockInfo) -> None:
    """A chamber's count and list of organisations are those of the memberships that last."""
    del block
    found = Counter[str]()
    listed: dict[str, list[str]] = {name: [] for name in CHAMBERS}
    for member, _ in state.iterate(membership.MEMBERS):
        now = membership.current(state, member)
        if now is None:
            continue
        found[now.chamber] += 1
        if now.chamber in INSTITUTIONAL:
            listed[now.chamber].append(member.decode())
    for chamber in CHAMBERS:
        row = membership.seats(state, chamber)
        ensure(
            row.members == found[chamber],
            f"{chamber} counts {row.members} members, {found[chamber]} sit there",
        )
        ensure(
            list(row.organisations) == sorted(listed[chamber]),
            f"{chamber} lists {row.organisations}, there sit {sorted(listed[chamber])}",
        )


def _one_credential_a_nullifier(state: State, block: BlockInfo) -> None:
    del block
    used = {row.credential: name for name, row in state.iterate(credentials.NULLIFIERS)}
    granted = 0
    for member, row in state.iterate(credentials.CREDENTIALS):
        granted += 1
        number = credentials.number_of(member)
        ensure(
            used.get(number) == row.nullifier,
            f"credential {number} and the nullifiers disagree on who it was granted to",
        )
        lasts = membership.current(state, member) is not None
        ensure(
            lasts == (row.revoked_ms is None),
            f"credential {number} is {'revoked' if row.revoked_ms else 'in force'}, and its "
            f"membership {'lasts' if lasts else 'has ended'}",
        )
    ensure(granted == len(used), f"{len(used)} nullifiers are used for {granted} credentials")


def _one_membership_an_account(state: State, block: BlockInfo) -> None:
    """Each member has one account, bound to it; each account belongs to one member."""
    del block
    voting = Counter[bytes]()
    for member, row in state.iterate(membership.MEMBERS):
        voting[row.account] += 1
        bound = state.get(membership.BINDINGS, row.account)
        ensure(
            bound is not None and bound.member == member,
            f"member {member!r} votes with 0x{row.account.hex()}, which is not bound to it",
        )
        is_organisation = state.get(ORGANISATIONS, member) is not None
        is_person = state.get(credentials.CREDENTIALS, member) is not None
        ensure(is_organisation != is_person, f"member {member!r} is not one of the two kinds")
    ensure(all(count == 1 for count in voting.values()), "two members vote with one account")
    for account, binding in state.iterate(membership.BINDINGS):
        ensure(
            membership.member_of(state, binding.member) is not None,
            f"0x{account.hex()} is bound to {binding.member!r}, which is no member",
        )


def _histories(state: State, block: BlockInfo) -> None:
    """Memberships follow on each other, and no two begin or end at one snapshot number."""
    del block
    moments = Counter[int]()
    for member, _ in state.iterate(membership.MEMBERS):
        free_from = 0
        history = membership.history(state, member)
        for position, row in enumerate(history):
            moments[row.began] += 1
            ended = row.ended
            ensure(
                free_from < row.began and (ended is None or row.began < ended),
                f"membership {position} of {member!r} runs from {row.began} to {ended} after "
                f"{free_from}",
            )
            if ended is None:
                ensure(
                    position == len(history) - 1,
                    f"membership {position} of {member!r} lasts, and another follows",
                )
            else:
                moments[ended] += 1
                free_from = ended
    number = membership.snapshot(state)
    ensure(
        sorted(moments.elements()) == list(range(1, number + 1)),
        f"{number} changes were counted, the histories show {sum(moments.values())}",
    )


def _organisations(state: State, block: BlockInfo) -> None:
    """An organisation sits in its chamber while it is active; its keys are its own."""
    del block
    owned = Counter[str]()
    for _, owner in state.iterate(KEY_OWNERS):
        owned[owner.organisation] += 1
    for member, row in state.iterate(ORGANISATIONS):
        now = membership.current(state, member)
        sits = None if now is None else now.chamber
        expected = row.chamber if row.status is OrganisationStatus.ACTIVE else None
        ensure(
            sits == expected,
            f"organisation {member.decode()} is {row.status.name.lower()} of {row.chamber} and "
            f"sits in {sits}",
        )
        keys = () if row.status is OrganisationStatus.REMOVED else row.keys
        ensure(
            owned[member.decode()] == len(keys)
            and all(
                (found := state.get(KEY_OWNERS, name)) and found.organisation == member.decode()
                for name in keys
            ),
            f"organisation {member.decode()} and the register of keys disagree",
        )


def _roles(state: State, block: BlockInfo) -> None:
    """Holders of a role are those of its grants that were not revoked."""
    del block
    open_grants = {
        held_key(row.role, row.account): int.from_bytes(number, "big")
        for number, row in state.iterate(role_grants.GRANTS)
        if row.revoked_ms is None
    }
    held = {name: row.grant for name, row in state.iterate(HELD)}
    ensure(held == open_grants, "who holds a role differs from the grants that are in force")
    listed = [
        held_key(role.decode(), account)
        for role, row in state.iterate(HOLDERS)
        for account in row.accounts
    ]
    ensure(sorted(held) == sorted(listed), "the lists of holders differ from who holds a role")


def _rebindings(state: State, block: BlockInfo) -> None:
    """What is open waits in the queue, once for each member, and its account is reserved."""
    del block
    due = {row.rebinding: row_key for row_key, row in state.iterate(rebinding.DUE)}
    waiting = {row.rebinding: member for member, row in state.iterate(rebinding.OPEN)}
    open_rows = {
        int.from_bytes(number, "big"): row
        for number, row in state.iterate(rebinding.REBINDINGS)
        if row.status is rebinding.RebindingStatus.OPEN
    }
    ensure(
        due == {n: rebinding.due_key(row.due_ms, n) for n, row in open_rows.items()}
        and waiting == {n: row.member for n, row in open_rows.items()},
        "the queue of re-bindings differs from those that are open",
    )
    for number, row in open_rows.items():
        bound = state.get(membership.BINDINGS, row.new)
        ensure(
            bound is not None
            and bound.member == row.member
            and membership.member_id(state, row.old) == row.member,
            f"re-binding {number} is open, but its accounts are not as it was proposed",
        )


def _agreements(state: State, block: BlockInfo) -> None:
    """An agreement is effective when each party has signed, and only then."""
    del block
    waiting = Counter[bytes]()
    for number, row in state.iterate(agreements.AGREEMENTS):
        signed = [
            party
            for party in row.parties
            if state.get(agreements.SIGNATURES, number + party) is not None
        ]
        is_effective = row.status is agreements.AgreementStatus.EFFECTIVE
        ensure(
            len(signed) == row.signed and (len(signed) == len(row.parties)) == is_effective,
            f"agreement {int.from_bytes(number, 'big')} is {row.status.name.lower()} with "
            f"{len(signed)} of {len(row.parties)} signatures",
        )
        if row.status is agreements.AgreementStatus.OPEN:
            waiting[row.opened_by] += 1
    counted = {account: row.agreements for account, row in state.iterate(agreements.OPEN_COUNTS)}
    ensure(counted == dict(waiting), "counts of open agreements differ from the agreements")


def _upgrades(state: State, block: BlockInfo) -> None:
    """The plan lists what is scheduled, ascending and after this block."""
    now = upgrades.plan(state)
    rows = {int.from_bytes(number, "big"): row for number, row in state.iterate(upgrades.UPGRADES)}
    coming = sorted(
        (row.height, number)
        for number, row in rows.items()
        if row.status is upgrades.UpgradeStatus.SCHEDULED
    )
    ensure(
        [number for _, number in coming] == list(now.scheduled)
        and all(height > block.height for height, _ in coming),
        f"upgrades {coming} are scheduled at height {block.height}, the plan says {now.scheduled}",
    )
    # By time: a restart counts heights from 0 again.
    executed = [
        (row.ended_ms or 0, number)
        for number, row in rows.items()
        if row.status is upgrades.UpgradeStatus.EXECUTED
    ]
    last = max(executed, default=(0, 0))[1]
    ensure(
        last == now.executed,
        f"upgrade {last} was executed last, the plan says {now.executed}",
    )


INVARIANTS: Final[Mapping[str, Invariant]] = {
    "counts_equal_members": _counts,
    "one_credential_a_nullifier": _one_credential_a_nullifier,
    "one_membership_an_account": _one_membership_an_account,
    "histories_well_formed": _histories,
    "organisations_sit_while_active": _organisations,
    "roles_equal_their_grants": _roles,
    "open_rebindings_are_queued": _rebindings,
    "agreements_effective_when_signed": _agreements,
    "plan_lists_what_is_scheduled": _upgrades,
}
