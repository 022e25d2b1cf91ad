"""Whether this software may take part at a height, by the upgrades that the chain has decided.

Asked for the height above the head, at the start and after each applied block, before anything of
that height is executed or signed. A node that lacks the version stops with EXIT_UPGRADE; what it
has applied is durable, and the release that the sentence names goes on from there.
"""

from api.ports import UpgradePlan
from governance.stakeholders.upgrades import Upgrade, find, plan, required_version, suffices
from ledger.rows import present
from ledger.state import State
from node.version import VERSION, UpgradeNeededError


def require_version(state: State, height: int, version: str = VERSION) -> None:
    """UpgradeNeededError unless this software may execute and sign block `height`, which comes
    directly above the head whose state this is."""
    upgrade = required_version(state, height)
    if upgrade is not None:
        require_suits(upgrade, f"stopped before block {height}", version)


def require_suits(upgrade: Upgrade, what: str, version: str = VERSION) -> None:
    """UpgradeNeededError unless blocks that need this upgrade may be executed by `version`.

    what: the beginning of the sentence, which says what was not done.
    """
    if not suffices(version, upgrade):
        raise UpgradeNeededError(
            f"{what}: from height {upgrade.height} on this chain needs "
            f"version {upgrade.from_version} or later, below {upgrade.below_version} (upgrade "
            f"{upgrade.name!r}), and this is version {version}. Install the release whose SHA-256 "
            f"is {upgrade.artefact_hash.hex()} and start it on this folder; nothing is lost"
        )


def next_upgrade(state: State, version: str = VERSION) -> UpgradePlan | None:
    """The next upgrade on the plan, and whether this software goes on at it; None without one."""
    scheduled = plan(state).scheduled
    if not scheduled:
        return None
    upgrade = present(find(state, scheduled[0]), f"upgrade {scheduled[0]}")
    return UpgradePlan(
        name=upgrade.name,
        height=upgrade.height,
        from_version=upgrade.from_version,
        below_version=upgrade.below_version,
        artefact_hash=upgrade.artefact_hash,
        suffices=suffices(version, upgrade),
    )
