"""Who may sign with a key: by a fence, by a token, and by what the chain shows of a new key."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import DecodeError, LocalError
from node.signing.fence import (
    MAX_KEYS,
    MAX_NUMBER,
    Fence,
    Standing,
    Token,
    Use,
    admit,
    claimed,
    decode_fence,
    decode_token,
    encode_fence,
    encode_token,
    new_place,
    read_fence,
    released,
    taken,
    token_of,
    write_fence,
)
from node.signing.fencing import admit_live
from tests.support.applied_chain import DOCUMENT, AppliedChain

KEY, OTHER = b"k" * 32, b"o" * 32
HERE, THERE = b"h" * 16, b"t" * 16
HELD = Fence(HERE, (KEY,))

numbers = st.integers(0, MAX_NUMBER)
heights = st.none() | st.integers(0, 2**64 - 1)
fences = st.builds(
    Fence,
    st.binary(min_size=16, max_size=16),
    st.lists(st.binary(min_size=32, max_size=32), unique=True, max_size=MAX_KEYS).map(tuple),
    st.sampled_from(Standing),
    numbers,
    heights,
    st.just(b"") | st.binary(min_size=16, max_size=16),
)
tokens = st.builds(
    Token,
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=16, max_size=16),
    numbers,
    heights,
)


@given(fences)
def test_a_fence_comes_back_and_no_changed_byte_is_taken(fence: Fence) -> None:
    whole = encode_fence(fence)
    assert decode_fence(whole) == fence
    for at in range(0, len(whole), 7):
        with pytest.raises(DecodeError):
            decode_fence(whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :])


@given(tokens)
def test_a_token_comes_back_and_no_mistyped_one_is_taken(token: Token) -> None:
    text = encode_token(token)
    assert decode_token(text) == token
    for at in range(0, len(text), 7):
        digit = "0" if text[at] != "0" else "1"
        for wrong in (text[:at] + digit + text[at + 1 :], text[:at]):
            with pytest.raises(LocalError, match="copy again"):
                decode_token(wrong)


def no_use(key: bytes) -> Use:
    raise AssertionError(f"nobody asks for {key!r}")


def test_a_first_start_signs_and_so_does_every_later_one() -> None:
    first = admit(None, [KEY], no_use)
    assert (first.standing, first.keys, first.number) == (Standing.HELD, (KEY,), 0)
    assert admit(first, [KEY], no_use) == first
    assert admit(first, [], no_use) == first  # for a while as an observer


@pytest.mark.parametrize(
    ("use", "standing", "signs_from"),
    [
        (Use.NONE, Standing.HELD, 0),
        (Use.SEATED, Standing.TAKEN, None),  # whose votes nobody knows: as after a lost record
        (Use.SIGNING, Standing.WAITING, 0),  # another machine signs with it: a token is needed
    ],
)
def test_a_key_that_is_new_to_a_folder_signs_only_where_nobody_else_does(
    use: Use, standing: Standing, signs_from: int | None
) -> None:
    observer = Fence(HERE)
    found = admit(observer, [KEY], lambda _: use)
    assert (found.standing, found.signs_from, found.keys) == (standing, signs_from, (KEY,))


@pytest.mark.parametrize("standing", [Standing.WAITING, Standing.TAKEN, Standing.RELEASED])
def test_a_new_key_changes_nothing_of_a_folder_that_may_not_sign(standing: Standing) -> None:
    assert admit(Fence(HERE, (KEY,), standing), [OTHER], no_use).standing is standing


def test_the_right_goes_there_and_back_and_no_token_works_twice() -> None:
    given_up = released(HELD, KEY, THERE, 8)
    token = token_of(given_up, KEY)
    assert (given_up.standing, token.number, token.signs_from) == (Standing.RELEASED, 1, 8)
    assert released(given_up, KEY, THERE, 9) == given_up  # asked again: the same
    there = taken(Fence(THERE, (), Standing.WAITING, 0, None), token, KEY)
    assert (there.standing, there.number, there.signs_from) == (Standing.TAKEN, 1, 8)
    with pytest.raises(LocalError, match="used already"):
        taken(there, token, KEY)
    back = token_of(released(there, KEY, HERE, 12), KEY)
    with pytest.raises(LocalError, match="used already"):
        taken(released(there, KEY, HERE, 12), token, KEY)
    assert taken(given_up, back, KEY).number == 2


def test_a_token_of_another_folder_or_key_is_refused_and_nothing_is_released_twice() -> None:
    given_up = released(HELD, KEY, THERE, 8)
    token = token_of(given_up, KEY)
    with pytest.raises(LocalError, match="for the folder 7474"):
        taken(Fence(b"x" * 16), token, KEY)
    with pytest.raises(LocalError, match="for the key 6b6b"):
        taken(Fence(THERE), token, OTHER)
    for fence in (given_up, Fence(HERE, (KEY,), Standing.WAITING)):
        with pytest.raises(LocalError, match="does not hold the right"):
            released(fence, KEY, b"x" * 16, 8)
    with pytest.raises(LocalError, match="this very folder"):
        released(HELD, KEY, HERE, 8)
    with pytest.raises(LocalError, match="used up"):
        released(Fence(HERE, (KEY,), number=MAX_NUMBER), KEY, THERE, 8)


def test_without_a_token_what_was_signed_is_unknown_and_the_number_rises() -> None:
    waiting = Fence(HERE, (KEY,), Standing.WAITING, 4)
    found = claimed(waiting, KEY, None)
    assert (found.standing, found.number, found.signs_from) == (Standing.TAKEN, 5, None)
    assert claimed(waiting, KEY, 9).number == 9
    for number in (0, 4, MAX_NUMBER + 1):
        with pytest.raises(LocalError, match="expected 5 to"):
            claimed(waiting, KEY, number)


def test_the_file_is_replaced_whole_and_a_damaged_one_allows_nothing(tmp_path: Path) -> None:
    assert read_fence(tmp_path) is None
    fence = Fence(new_place(), (KEY,))
    write_fence(tmp_path, fence)
    assert read_fence(tmp_path) == fence
    path = tmp_path / "fence"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(LocalError, match=re.escape("--without-token")):
        read_fence(tmp_path)


SEATED_KEY = DOCUMENT.validators.validators[0].public_key


@pytest.fixture(scope="module")
def chain() -> AppliedChain:
    made = AppliedChain()
    made.grow(made.signed())
    return made


def admitted(folder: Path, chain: AppliedChain, *keys: bytes) -> Fence | None:
    admit_live(folder, keys, chain.state, chain.chain.head.height)
    return read_fence(folder)


def test_a_key_without_a_seat_is_remembered_before_a_running_node_signs_with_it(
    tmp_path: Path, chain: AppliedChain
) -> None:
    write_fence(tmp_path, HELD)
    found = admitted(tmp_path, chain, KEY, OTHER)
    assert found == Fence(HERE, (KEY, OTHER))
    assert admitted(tmp_path, chain, OTHER) == found  # the old one may come back


@pytest.mark.parametrize(
    ("fence", "said"),
    [
        (HELD, "may have signed elsewhere: start the node again"),
        (Fence(HERE, standing=Standing.TAKEN, number=1), "start the node again"),
        (Fence(HERE, standing=Standing.RELEASED, given_to=THERE), "has given up the right"),
    ],
)
def test_a_running_node_refuses_a_key_that_only_a_start_may_take(
    tmp_path: Path, chain: AppliedChain, fence: Fence, said: str
) -> None:
    write_fence(tmp_path, fence)
    with pytest.raises(LocalError, match=said):
        admitted(tmp_path, chain, KEY, SEATED_KEY)
    assert read_fence(tmp_path) == fence
    assert admitted(tmp_path, chain) == fence  # no key: an observer's


def test_a_folder_that_waits_goes_on_waiting_whatever_key_is_read(
    tmp_path: Path, chain: AppliedChain
) -> None:
    write_fence(tmp_path, Fence(HERE, (KEY,), Standing.WAITING, 4, None))
    found = admitted(tmp_path, chain, KEY, SEATED_KEY)
    assert found == Fence(HERE, (KEY, SEATED_KEY), Standing.WAITING, 4, None)
