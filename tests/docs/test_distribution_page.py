"""The worked example of distribution in docs/economy.md holds the figures that the module gives."""

from ledger.errors import ErrorCode
from tests.docs.documents import section, text
from tests.docs.test_economy_page import tokens
from tests.support.pool_town import PoolTown
from tests.unit.tokenomics.test_gwangju_figures import through_the_formula
from tokenomics.distribution.certificates import KINDS
from tokenomics.distribution.pools import Pool

FIRST_MINT = 9


def test_the_page_shows_what_the_pools_give() -> None:
    page = section("Distribution", "docs/economy.md")
    minted = through_the_formula(net=False)[FIRST_MINT - 1].minted
    town = PoolTown()
    town.enrol(0, 1)
    shares = {0: 0, 1: 0}
    for quarter in range(1, FIRST_MINT + 1):
        for number, first, points in ((0, 1, 600), (1, 3, 400)):
            if quarter == first:
                assert town.certify(number, points=points) is ErrorCode.OK
                shares[number] = int(str(dict(town.events[-1].values)["shares"]))
        town.close(minted if quarter == FIRST_MINT else 0)
    parts = [town.pool(pool) for pool in Pool]
    assert sum(parts) == minted
    assert f"mint of round 9, {tokens(minted)} tokens" in page
    for pool, part in zip(Pool, parts, strict=True):
        assert f"| {pool.label} | {tokens(part)} |" in page
    assert f"{shares[0]} + {shares[1]} = {sum(shares.values())}" in page
    town.claim(0)
    first_grant = town.vesting()
    town.claim(1)
    for granted in (first_grant, town.vesting() - first_grant):
        assert f"{tokens(granted)} tokens" in page, tokens(granted)
    for quarters in (4, 10, 16):
        while town.round < FIRST_MINT + quarters:
            town.close()
        town.release(0)
        assert town.balance(0) == first_grant * quarters // 16
    assert f"{tokens(first_grant * 4 // 16)} tokens" in page
    assert town.balance(0) == first_grant


def test_the_page_names_every_kind_with_its_pool() -> None:
    page = text("docs/economy.md")
    for kind, pool in KINDS.items():
        assert f"| `{kind}` | {pool.label} |" in page
