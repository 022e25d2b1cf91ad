"""What the views of distribution really give keeps to the schema that the API publishes."""

from typing import Any

from api.methods import all_methods
from ledger.primitives import UNIT
from tests.support.json_schema import problems
from tests.support.pool_town import TOKEN, PoolTown, person
from tokenomics.distribution import pool_views
from tokenomics.distribution.pool_views import MAX_LISTED_CERTIFICATES


def schema(method: str) -> dict[str, Any]:
    found = all_methods().find(method)
    assert found is not None
    return found.result


def lived_in() -> PoolTown:
    """Claims, a release, a revocation, pending shares, and somebody who left."""
    town = PoolTown()
    town.enrol(0, 1)
    town.certify(0)
    town.certify(1)
    town.close()
    town.close(1_000 * UNIT)
    town.claim(0)
    for _ in range(5):
        town.close(1_000 * UNIT)
    town.release(0)
    town.certify(0, "research", 7)
    town.revoke(3)
    town.certify(0, "mission", 9)
    town.leave(1)
    return town


def test_every_view_keeps_to_its_schema() -> None:
    town = lived_in()
    assert not problems(pool_views.pools(town.state, TOKEN), schema("poyong_getPools"))
    for number in (0, 1, 9):
        found = pool_views.position(town.state, person(number))
        assert not problems(found, schema("poyong_getPosition"))
    empty = PoolTown(distributes=False)
    assert pool_views.pools(empty.state, TOKEN) is None
    assert not problems(None, schema("poyong_getPools"))


def test_the_pools_say_what_they_hold_and_owe() -> None:
    town = lived_in()
    found = pool_views.pools(town.state, TOKEN)
    assert found is not None
    assert (found["round"], found["quarter"], found["weight_ppm"]) == (7, 8, 807_981)
    shares = {pool["pool"]: pool for pool in found["pools"]}
    assert list(shares) == [
        "participation", "achievement", "founders", "owners", "treasury", "reserve",
    ]  # fmt: skip
    assert shares["participation"]["received"] == str(1_500 * UNIT)
    assert shares["participation"]["holders"] == 1
    assert shares["achievement"]["pending_shares"] == "7"
    assert shares["achievement"]["waiting"] == str(900 * UNIT)
    assert shares["treasury"]["balance"] == str(600 * UNIT)


def test_a_position_says_what_may_be_claimed_and_released_and_when_more_vests() -> None:
    town = lived_in()
    found = pool_views.position(town.state, person(0))
    assert found is not None
    claimable = {share["pool"]: share["claimable"] for share in found["pools"]}
    assert claimable["participation"] == str(625 * UNIT)
    (grant,) = found["grants"]
    assert (grant["quarter"], grant["amount"]) == (3, str(125 * UNIT))
    assert grant["vested"] == grant["released"] == str(125 * UNIT * 5 // 16)
    assert grant["next_vesting_quarter"] == 9
    assert found["releasable"] == "0"
    newest, revoked, first = found["certificates"]
    assert (newest["certificate"], newest["shares"]) == (
        4,
        "7",
    )  # six idle quarters: the weight of the return
    assert (revoked["certificate"], revoked["reason"]) == (3, "a mistake")
    assert first["certificate"] == 1
    gone = pool_views.position(town.state, person(1))
    assert gone is not None
    assert (gone["left_quarter"], gone["cause"]) == (8, "left")


def test_a_position_lists_the_newest_certificates_and_no_more_than_its_bound() -> None:
    town = PoolTown()
    town.enrol(0)
    for _ in range(MAX_LISTED_CERTIFICATES + 5):
        town.certify(0)
    found = pool_views.position(town.state, person(0))
    assert found is not None
    numbers = [item["certificate"] for item in found["certificates"]]
    assert numbers == list(range(MAX_LISTED_CERTIFICATES + 5, 5, -1))
