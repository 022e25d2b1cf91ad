"""Writes the system contracts' ABIs and Solidity interfaces: `python -m node.contract_files`.

They are part of the package, in api/ethereum/abi, for programs that call the contracts.
"""

from pathlib import Path
from typing import Final

from api import ethereum
from api.ethereum.interfaces import files
from api.methods import all_methods
from node.modules import build_executor

FOLDER: Final = Path(ethereum.__file__).parent / "abi"


def contents() -> dict[str, str]:
    """What each file has to hold, by name."""
    return files(build_executor().contracts, all_methods())


def main() -> None:
    """Write every file, and remove those of contracts that are gone."""
    FOLDER.mkdir(exist_ok=True)
    written = contents()
    for path in FOLDER.iterdir():
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
