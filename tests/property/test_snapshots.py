"""Whichever byte of a snapshot changes, and however, the item that it is in does not hold."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import PeerError
from node.snapshots.checking import CheckedManifest
from node.snapshots.format import MANIFEST
from tests.support.snapshots import RULES, grown, items_of, snapshot_of


@cache
def items() -> list[bytes]:
    with TemporaryDirectory() as folder:
        return items_of(snapshot_of(grown(5), Path(folder)))


def check(item: int, raw: bytes) -> None:
    """Take it for an item of the snapshot."""
    manifest = CheckedManifest(RULES, raw if item == MANIFEST else items()[MANIFEST])
    if item != MANIFEST:
        manifest.check(item, raw)


@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    item = data.draw(st.integers(0, len(items()) - 1))
    raw = bytearray(items()[item])
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PeerError):
        check(item, bytes(raw))


@given(st.data())
def test_any_cut_or_lengthened_item_is_found(data: st.DataObject) -> None:
    item = data.draw(st.integers(0, len(items()) - 1))
    raw = items()[item]
    wrong = data.draw(
        st.one_of(
            st.integers(0, len(raw) - 1).map(lambda length: raw[:length]),
            st.binary(min_size=1, max_size=40).map(lambda more: raw + more),
        )
    )
    with pytest.raises(PeerError):
        check(item, wrong)
