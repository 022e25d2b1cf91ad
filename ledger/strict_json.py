"""Strict reading of JSON documents that people write: each error names the place and the remedy."""

import json
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from ledger.crypto import ED25519_KEY_BYTES, checksum_address
from ledger.errors import LocalError
from ledger.primitives import ADDRESS_BYTES, HASH_BYTES, Address, Hash


def nearest(name: str, known: set[str]) -> str:
    """End of a sentence about an unknown name: the one that was probably meant, or all."""
    return did_you_mean(name, known) or f"; known are {sorted(known)}"


def did_you_mean(name: str, known: Collection[str]) -> str:
    """End of a sentence about an unknown name: the one that was probably meant; empty for none."""
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


class JsonReader:
    """Checks JSON values; each error names the document and the place in it."""

    def __init__(self, source: str) -> None:
        self.source = source

    def error(self, place: str, expected: str, found: object) -> LocalError:
        """The error to raise: what was expected at `place`, and what was found."""
        return LocalError(f"{self.source}: {place}: expected {expected}, found {found!r:.80}")

    def fields(
        self,
        value: object,
        place: str,
        required: tuple[str, ...] = (),
        optional: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """An object with all of `required` and nothing beside `optional`."""
        if not isinstance(value, dict):
            raise self.error(place or "the document", "an object", value)
        known = {*required, *optional}
        for key in value:
            if key not in known:
                where = f"{place}.{key}" if place else key
                raise LocalError(
                    f"{self.source}: {where:.200}: unknown option{nearest(str(key), known)}"
                )
        for key in required:
            if key not in value:
                raise LocalError(f"{self.source}: {place or 'the document'}: {key} is missing")
        return value

    def items(self, value: object, place: str) -> list[Any]:
        """A list."""
        if not isinstance(value, list):
            raise self.error(place, "a list", value)
        return value

    def integer(self, value: object, place: str, lowest: int, highest: int) -> int:
        """An integer in lowest..highest."""
        if type(value) is not int or not lowest <= value <= highest:
            raise self.error(place, f"an integer in {lowest}..{highest}", value)
        return value

    def text(self, value: object, place: str, maximum_bytes: int) -> str:
        """Text of 1 to maximum_bytes bytes."""
        if not isinstance(value, str) or not 1 <= len(value.encode()) <= maximum_bytes:
            raise self.error(place, f"text of 1 to {maximum_bytes} bytes", value)
        return value

    def key(self, value: object, place: str) -> bytes:
        """An Ed25519 public key in hex, with or without 0x."""
        return self._bytes(value, place, ED25519_KEY_BYTES, " of an Ed25519 key")

    def hash(self, value: object, place: str) -> Hash:
        """A hash in hex, with or without 0x."""
        return Hash(self._bytes(value, place, HASH_BYTES, ""))

    def _bytes(self, value: object, place: str, size: int, of: str) -> bytes:
        if isinstance(value, str):
            try:
                raw = bytes.fromhex(value.removeprefix("0x"))
            except ValueError:
                raw = b""
            if len(raw) == size:
                return raw
        raise self.error(place, f"{2 * size} hex digits{of}", value)

    def address(self, value: object, place: str) -> Address:
        """An account in 0x hex; mixed case must be the right EIP-55 checksum, which catches
        mistyped digits."""
        found = b""
        if isinstance(value, str) and value.startswith("0x"):
            try:
                found = bytes.fromhex(value[2:])
            except ValueError:
                found = b""
            # fromhex() passes over spaces.
            if len(found) == ADDRESS_BYTES and len(value) == 2 + 2 * ADDRESS_BYTES:
                right = checksum_address(found)
                if value in (value.lower(), right):
                    return Address(found)
                expected = f"the EIP-55 checksum of these digits ({right}); check each digit"
                raise self.error(place, expected, value)
        raise self.error(place, f"0x and {2 * ADDRESS_BYTES} hex digits", value)


def read_json(data: bytes, source: str, maximum_bytes: int) -> object:
    """The JSON value in `data`: integers only, no name twice in an object, UTF-8."""
    if len(data) > maximum_bytes:
        raise LocalError(f"{source}: it has {len(data)} bytes, at most {maximum_bytes} are allowed")

    def refuse_number(text: str) -> None:
        raise LocalError(f"{source}: {text} is no integer; write amounts as decimal text")

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise LocalError(f"{source}: {twice!r:.200} appears twice in one object")
        return found

    try:
        document: object = json.loads(
            data.decode(),
            parse_float=refuse_number,
            parse_constant=refuse_number,
            object_pairs_hook=distinct,
        )
        json.dumps(document, ensure_ascii=False).encode()  # an escaped half of a surrogate pair
    except UnicodeError as error:
        raise LocalError(f"{source}: it is not UTF-8 ({error})") from error
    except (ValueError, RecursionError) as error:
        raise LocalError(f"{source}: it is not JSON ({error})") from error
    return document
