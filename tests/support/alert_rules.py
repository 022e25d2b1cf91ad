"""The alert rules that are shipped, read without a YAML parser: their layout is regular, and
promtool checks in its tests that it means the same."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RULES_FILE: Final = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yml"
_START: Final = "      - alert: "


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert. annotations: templates as they stand, by name."""

    name: str
    expression: str
    severity: str
    annotations: Mapping[str, str]

    def annotations_for(self, labels: Mapping[str, str], value: str = "") -> dict[str, str]:
        """What Prometheus makes of the templates for an alert with these labels and this value."""

        def filled(template: str) -> str:
            text = template.replace("{{ $value }}", value)
            return re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found.group(1)], text)

        return {name: filled(template) for name, template in self.annotations.items()}


def rules(text: str | None = None) -> list[Rule]:
    """Every rule of the file, or of `text`, in order."""
    source = RULES_FILE.read_text(encoding="utf-8") if text is None else text
    return [_rule(part) for part in source.split(_START)[1:]]


def with_short_waits(text: str, wait: str = "1s") -> str:
    """The same rules, but that an alert fires when its condition has held for `wait`."""
    return re.sub(r"^        for: \w+$", f"        for: {wait}", text, flags=re.MULTILINE)


def _rule(part: str) -> Rule:
    return Rule(
        name=part.splitlines()[0],
        expression=_value(part, "expr"),
        severity=_value(part, "severity"),
        annotations={
            name: _value(part, name) for name in ("summary", "action", "runbook") if name in part
        },
    )


def _value(part: str, name: str) -> str:
    found = re.search(rf"^( +){name}: (.+(?:\n\1  .+)*)", part, re.MULTILINE)
    if found is None:
        raise ValueError(f"{part.splitlines()[0]} has no {name}")
    value = " ".join(line.strip() for line in found.group(2).splitlines()).removeprefix(">- ")
    return value[1:-1] if value.startswith("'") else value
