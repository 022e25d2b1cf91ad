"""A calculator for the lines of `poyong issuance show`: knows numbers, + - × //, min and max.

It reads text alone, and nothing of the code that printed it.
"""

import ast
import re
from dataclasses import dataclass
from fractions import Fraction
from math import floor

_NUMBER = re.compile(r"\d[\d,]*\d(?:\.\d+)?|\d+(?:\.\d+)?")
_STEPS = {"KRW": Fraction(1), "BJT": Fraction(1, 10**18), "bps": Fraction(1)}
"""What // rounds down to, by the unit of the line."""


@dataclass(frozen=True)
class Line:
    """NAME = COMPUTATION = RESULT UNIT; remark. computation is empty when a figure is only given,
    result None when it is unknown."""

    name: str
    computation: str
    result: Fraction | None
    unit: str
    remark: str

    @property
    def numbers(self) -> list[Fraction]:
        """Every number of the computation."""
        return [_value(text) for text in _NUMBER.findall(self.computation)]

    def recomputed(self) -> Fraction:
        """What the computation gives."""
        found: dict[str, Fraction] = {}

        def named(match: re.Match[str]) -> str:
            found[f"n{len(found)}"] = _value(match.group())
            return f"n{len(found) - 1}"

        text = _NUMBER.sub(named, self.computation).replace("×", "*")
        return _evaluate(ast.parse(text, mode="eval").body, found, _STEPS[self.unit])


def read_line(text: str) -> Line:
    """A line as it is printed."""
    figures, _, remark = text.strip().partition("; ")
    name, *computation, last = figures.split(" = ")
    if last == "unknown":
        return Line(name, "", None, "", remark)
    number, unit = last.split(" ")
    return Line(name, computation[0] if computation else "", _value(number), unit, remark)


def _value(text: str) -> Fraction:
    return Fraction(text.replace(",", ""))


def _evaluate(node: ast.expr, found: dict[str, Fraction], step: Fraction) -> Fraction:
    match node:
        case ast.Name(id=name):
            return found[name]
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=arguments):
            values = [_evaluate(argument, found, step) for argument in arguments]
            return min(values) if name == "min" else max(values)
        case ast.BinOp(left=left, op=operator, right=right):
            one, other = _evaluate(left, found, step), _evaluate(right, found, step)
            match operator:
                case ast.Add():
                    return one + other
                case ast.Sub():
                    return one - other
                case ast.Mult():
                    return one * other
                case ast.FloorDiv():
                    return floor(one / other / step) * step
    raise ValueError(f"no calculator does {ast.dump(node)}")
