"""Options are changed in the file of an operator, whose comments stay."""

from pathlib import Path

import pytest

from ledger.errors import LocalError
from node import config
from node.config_edit import change_options


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_only_the_wanted_line_differs(file: Path) -> None:
    file.write_text(config.render())
    file.chmod(0o640)
    before = file.read_text().splitlines()
    changes = {("node", "node_key"): "keys/n-2.json", ("node", "next_node_key"): "a\\b"}
    after = change_options(file, changes)
    assert (after.node.node_key, after.node.next_node_key) == ("keys/n-2.json", "a\\b")
    lines = file.read_text().splitlines()
    assert sum(one != two for one, two in zip(before, lines, strict=True)) == 2
    assert file.stat().st_mode & 0o777 == 0o640


def test_an_option_that_is_not_there_is_added_to_its_section(file: Path) -> None:
    file.write_text('[log]\nlevel = "debug" # mine\n\n[node] # ours\nname = "x"\n')
    after = change_options(file, {("node", "node_key"): "k", ("metrics", "host"): "::1"})
    assert (after.node.name, after.node.node_key, after.metrics.host) == ("x", "k", "::1")
    assert after.log.level == "debug"
    assert 'level = "debug" # mine' in file.read_text()


def test_what_would_be_wrong_is_not_written(file: Path) -> None:
    file.write_text('[node]\nname = "x"\n')
    with pytest.raises(LocalError, match="validator_key is empty"):
        change_options(file, {("node", "next_validator_key"): "k"})
    file.write_text('[node]\nname = """\nnode_key = 1\n"""\n')
    before = file.read_bytes()
    with pytest.raises(LocalError):
        change_options(file, {("node", "node_key"): "k"})
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]
