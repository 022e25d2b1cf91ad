"""The Merkle root of a zone's parcels (economy.md section 1)."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle
from ledger.errors import LocalError
from ledger.primitives import ZERO_HASH
from tokenomics.oracle.parcels import Parcel, ordered, parcel_root

PARCELS = st.lists(
    st.builds(
        Parcel,
        st.integers(0, 10**19 - 1).map(lambda number: f"{number:019}"),
        st.integers(0, 10**6),
        st.integers(0, 10**7),
    ),
    unique_by=lambda parcel: parcel.pnu,
    max_size=30,
)


@given(PARCELS, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(parcels: list[Parcel], random: Random) -> None:
    shuffled = list(parcels)
    random.shuffle(shuffled)
    assert parcel_root(shuffled) == parcel_root(parcels)


@given(PARCELS.filter(bool), st.data())
def test_a_parcel_can_be_shown_to_belong_and_a_changed_one_cannot(
    parcels: list[Parcel], data: st.DataObject
) -> None:
    leaves = [parcel.leaf() for parcel in ordered(parcels)]
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = merkle.prove(leaves, index), parcel_root(parcels)
    found = ordered(parcels)[index]
    changed = Parcel(found.pnu, found.area_tenth_m2 + 1, found.official_krw_per_m2)
    assert merkle.verify(root, found.leaf(), proof)
    assert not merkle.verify(root, changed.leaf(), proof)


def test_no_parcels_are_zeros_and_a_parcel_listed_twice_is_named() -> None:
    assert parcel_root([]) == ZERO_HASH
    one = Parcel("2917013900100010000", 10, 348_800)
    with pytest.raises(LocalError, match="2917013900100010000 is listed twice"):
        parcel_root([one, Parcel(one.pnu, 11, 1)])


def test_an_unknown_area_is_zero_and_another_leaf_than_a_known_one() -> None:
    unknown = Parcel("2917013900100010000", 0, 348_800)
    assert unknown.leaf() != Parcel(unknown.pnu, 1, 348_800).leaf()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (("29170139001000100", 1, 1), "19 digits"),
        (("291701390010001000x", 1, 1), "19 digits"),
        (("2917013900100010000", -1, 1), "area_tenth_m2"),
        (("2917013900100010000", 1, 10**10), "official_krw_per_m2"),
    ],
)
def test_a_parcel_out_of_bounds_is_refused_by_name(
    values: tuple[str, int, int], named: str
) -> None:
    with pytest.raises(LocalError, match=named):
        Parcel(*values)
