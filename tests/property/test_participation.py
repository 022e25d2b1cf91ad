"""Rule 9 for any sequence of blocks: never an empty choice, never more skipped than allowed, and
the same outcome everywhere."""

from hypothesis import given
from hypothesis import strategies as st

from consensus.rotation import proposer_of
from ledger import participation
from ledger.participation import BlockRecord, History, Source, advance, eligible, with_next_turn
from ledger.registry import MAX_VALIDATORS, quorum

blocks = st.lists(
    st.tuples(
        st.integers(0, MAX_VALIDATORS - 1),  # proposer
        st.integers(0, 3),  # view
        st.integers(0, 2**MAX_VALIDATORS - 1),  # sealed
        st.integers(0, 2**MAX_VALIDATORS - 1),  # late
        st.sampled_from(["same", "same", "same", "add", "remove", "rotate", "suspend"]),
    ),
    max_size=60,
)


def changed(n: int, change: str, index: int) -> list[Source | None] | None:
    """Where the seats of the next set come from."""
    seats: list[Source | None] = [Source(at, True) for at in range(n)]
    match change:
        case "add" if n < MAX_VALIDATORS:
            return [*seats, None]
        case "remove" if n > 1:
            return seats[:index] + seats[index + 1 :]
        case "rotate":
            return [Source(at, at != index) for at in range(n)]
        case _:
            return None


@given(st.integers(1, 10), blocks)
def test_a_choice_is_never_empty_and_skips_no_more_than_allowed(
    n: int, script: list[tuple[int, int, int, int, str]]
) -> None:
    history = participation.initial_history(n, 0)
    twin: History = history
    for by, view, sealed, late, change in script:
        n = len(history.members)
        everyone = 2**n - 1
        record = BlockRecord(by % n, view, sealed & everyone, late & everyone)
        sources = changed(n, change, by % n)
        history = advance(history, record, sources)
        if change == "suspend":
            history = participation.suspended(history, by % n, history.height)
        history = with_next_turn(history, record.proposer)
        chosen, size = eligible(history), len(history.members)
        assert quorum(size) <= len(chosen) <= size
        assert list(chosen) == sorted(set(chosen))
        assert history.next_turn == proposer_of(0, record.proposer, chosen, size)
        assert history.next_turn in chosen
        # A node that read the row back goes on exactly as one that kept it in memory.
        twin = advance(
            participation.decode_history(participation.encode_history(twin)), record, sources
        )
        if change == "suspend":
            twin = participation.suspended(twin, by % n, twin.height)
        twin = with_next_turn(twin, record.proposer)
        assert twin == history
        assert all(member.repeats <= participation.MAX_REPEATS for member in history.members)
        assert len(history.blocks) <= 2 * (MAX_VALIDATORS + 1)


@given(st.integers(4, 10), st.data())
def test_one_who_seals_and_never_fails_a_turn_is_never_skipped(n: int, data: st.DataObject) -> None:
    """Whatever the others do, as long as every proposer embeds its seals."""
    history = participation.initial_history(n, 0)
    honest = data.draw(st.integers(0, n - 1))
    for _ in range(data.draw(st.integers(1, 5 * n))):
        sealed = data.draw(st.integers(0, 2**n - 1)) | 1 << honest
        fails = history.turn != honest and data.draw(st.booleans())
        record = BlockRecord(history.next_turn, int(fails), sealed, 0)
        history = with_next_turn(advance(history, record), record.proposer)
        window = history.window()
        embedders = {block.proposer for block in window}
        if len(embedders) > (n - 1) // 3:
            assert honest in eligible(history)
