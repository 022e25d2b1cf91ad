"""With a rule taken out the simulator finds a violation; with all rules in, it finds none."""

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.run import run_seed

SOON_FOUND = [mutation for mutation in MUTATIONS if not mutation.rare]


@pytest.mark.parametrize("mutation", SOON_FOUND, ids=lambda mutation: mutation.name)
def test_a_missing_rule_is_noticed(mutation: Mutation) -> None:
    found = mutation.hunt()
    assert found is not None, f"{mutation.seeds} seeds passed without: {mutation.name}"
    assert mutation.run(found.seed).reason is None, "the seed fails with all rules in, too"


def test_some_seeds_mint_so_that_the_ceiling_is_checked_on_something() -> None:
    assert any(run_seed(seed, 4).minted for seed in range(100))
