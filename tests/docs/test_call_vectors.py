"""Calls of system contracts in docs/formats.md: the vectors are those of the code, and are what
another encoder gave."""

from typing import Any

from ledger import codec
from ledger.contracts import NOT_CALLED
from ledger.message_registry import MessageType
from ledger.primitives import Address
from tests.docs.documents import section, vectors
from tests.fuzz.stores import EXECUTOR
from tests.support.ethereum import RICH_ADDRESS

TABLE = EXECUTOR.contracts
TITLE = "Calls of system contracts"
PAYEE = Address(bytes.fromhex("70997970c51812dc3a010c7d01b50e0d17dc79c8"))


def message(name: str) -> MessageType:
    found = EXECUTOR.registry.find(name)
    assert found is not None
    return found


def carried(name: str, *values: Any) -> tuple[str, bytes]:
    """A message as a proposal carries it."""
    return name, codec.encode(message(name).encode(*values))


CASES: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("transfer.send", (PAYEE, 10**18, b"")),
    ("transfer.send_many", (((PAYEE, 1), (RICH_ADDRESS, 2**64)), b"m" * 32)),
    ("proposals.vote", (7, "yes")),
    (
        "proposals.submit",
        (
            "나무",
            b"d" * 32,
            0,
            (
                carried("governance.add_observer", b"n" * 32, "school"),
                carried("distribution.spend", PAYEE, 5, b"m" * 32),
            ),
        ),
    ),
)


def computed() -> dict[str, Any]:
    found = []
    for name, values in CASES:
        body = message(name).encode(*values)
        to, data = TABLE.encode_call(name, body)
        found.append(
            {
                "type": name,
                "to": f"0x{to.hex()}",
                "data": data.hex(),
                "body": codec.encode(body).hex(),
            }
        )
    return {"calls": found}


def test_the_page_gives_the_vectors_of_the_code() -> None:
    assert vectors(TITLE) == computed()


def test_the_documented_calls_say_what_the_page_states() -> None:
    for vector in vectors(TITLE)["calls"]:
        to, data = bytes.fromhex(vector["to"][2:]), bytes.fromhex(vector["data"])
        name, body = TABLE.decode_call(Address(to), 0, data)
        assert (name, codec.encode(body).hex()) == (vector["type"], vector["body"])


def test_the_page_names_the_messages_without_a_function() -> None:
    assert all(f"`{name}`" in section(TITLE) for name in NOT_CALLED)


if __name__ == "__main__":
    import json

    print(json.dumps(computed(), indent=2))
