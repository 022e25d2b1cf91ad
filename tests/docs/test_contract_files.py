"""The shipped ABIs and Solidity interfaces are those of the chain's messages, methods, events."""

import json

import pytest

from ledger import abi
from ledger.contracts import CONTRACTS
from node.contract_files import FOLDER, contents
from tests.fuzz.stores import EXECUTOR

CONTENTS = contents()


def test_the_folder_holds_these_files_and_no_other() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(CONTENTS)


@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_is_current(name: str) -> None:
    """Write them again with `python -m node.contract_files`."""
    assert (FOLDER / name).read_text(encoding="utf-8") == CONTENTS[name]


def signature(entry: dict[str, object]) -> str:
    """Of a function or event in a JSON ABI, as its specification says."""

    def shown(item: object) -> str:
        assert isinstance(item, dict)
        if not item["type"].startswith("tuple"):
            return str(item["type"])
        inner = ",".join(map(shown, item["components"]))
        return f"({inner}){item['type'].removeprefix('tuple')}"

    inputs = entry["inputs"]
    assert isinstance(inputs, list)
    return f"{entry['name']}({','.join(map(shown, inputs))})"


def test_selectors_made_of_the_json_are_those_that_a_transaction_is_decoded_by() -> None:
    for contract in CONTRACTS:
        entries = json.loads(CONTENTS[f"{contract.name}.json"])
        sent = {
            abi.selector(signature(entry))
            for entry in entries
            if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
        }
        assert sent == set(EXECUTOR.contracts.functions[contract.address])


def test_the_index_names_every_address() -> None:
    found = json.loads(CONTENTS["contracts.json"])
    assert {name: bytes.fromhex(address[2:]) for name, address in found.items()} == {
        contract.name: contract.address for contract in CONTRACTS
    }
