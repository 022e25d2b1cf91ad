"""docs/governance.md, "What a vote can carry out": every message type of the chain, with its class
or why no vote sends it. Run `python -m tests.docs.test_mandate_page` to print the tables."""

from governance.chambers import ALL_CHAMBERS
from node.mandate import CLASS_OF, NEVER_PAUSED, NOT_BY_VOTE, RECUSED, REGISTRAR_TYPES
from node.modules import build_executor
from tests.docs.documents import text

PAGE = "docs/governance.md"
TYPES = {each.name: each for each in build_executor().registry.all()}


def by_vote() -> list[str]:
    """Rows of the first table: by class, then in the order of the list."""
    return [
        "| class | message | what it does | recused |",
        "|---|---|---|---|",
        *(
            f"| {found.name} | `{name}` | {TYPES[name].doc} "
            f"| {', '.join(f'`{each}`' for each in sorted(RECUSED.get(name, ())))} |"
            for name, found in sorted(CLASS_OF.items(), key=lambda item: item[1])
        ),
    ]


def others() -> list[str]:
    """Rows of the second table: messages with the same reason share one."""
    reasons = dict.fromkeys(NOT_BY_VOTE.values())
    return [
        "| message | because |",
        "|---|---|",
        *(
            f"| {', '.join(f'`{name}`' for name in NOT_BY_VOTE if NOT_BY_VOTE[name] == reason)} "
            f"| {reason} |"
            for reason in reasons
        ),
    ]


def test_every_message_has_a_class_or_a_reason_and_only_one() -> None:
    assert set(CLASS_OF) | set(NOT_BY_VOTE) == set(TYPES)
    assert not set(CLASS_OF) & set(NOT_BY_VOTE)


def test_lists_name_messages_that_there_are() -> None:
    assert set(RECUSED) | REGISTRAR_TYPES <= set(CLASS_OF)
    assert set(TYPES) >= NEVER_PAUSED
    chambers = {chamber.name for chamber in ALL_CHAMBERS}
    assert all(recused < chambers for recused in RECUSED.values())


def test_the_page_shows_both_tables() -> None:
    page = text(PAGE)
    for rows in (by_vote(), others()):
        assert "\n".join(rows) in page


if __name__ == "__main__":
    print("\n".join([*by_vote(), "", *others()]))
