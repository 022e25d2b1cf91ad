"""docs/wallet.md and its Korean half say the same, and all that `poyong wallet` can do."""

import re

import click
import pytest

from node.cli.wallet import wallet
from node.wallet.phrases import Curve, path_of
from tests.docs.documents import FENCED, text

PAGES = ("docs/wallet.md", "docs/wallet.ko.md")


def blocks(page: str) -> list[str]:
    return re.findall(r"^ *```sh\n.*?^ *```", text(page), re.MULTILINE | re.DOTALL)


def levels(page: str) -> list[int]:
    return [len(found) for found in re.findall(r"^(#+) ", FENCED.sub("", text(page)), re.MULTILINE)]


def test_both_languages_have_the_same_parts_and_commands() -> None:
    english, korean = PAGES
    assert blocks(english) == blocks(korean)
    assert len(blocks(english)) == 7
    assert levels(english) == levels(korean)
    command = re.compile(r"`(?:eval .)?(?:\")?\$?\(?(poyong [^`]+)`")
    assert sorted(command.findall(text(english))) == sorted(command.findall(text(korean)))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_wallet_is_on_the_page(page: str) -> None:
    for name in wallet.list_commands(click.Context(wallet)):
        assert f"poyong wallet {name}" in text(page), name


@pytest.mark.parametrize("page", PAGES)
def test_the_paths_are_those_of_the_code(page: str) -> None:
    for curve in Curve:
        assert path_of(curve, 0).replace("/0/0", "/0/i").replace("/0'/0'/0'", "/0'/0'/i'") in text(
            page
        )
