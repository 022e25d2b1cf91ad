"""What a run raises when something happened that must never happen."""


class Violation(Exception):
    """Something that must never happen. `rule` names it in a word or two."""

    def __init__(self, rule: str, found: str) -> None:
        super().__init__(f"{rule}: {found}")
        self.rule = rule
