"""Hypothesis profiles; fixtures live beside the tests that use them."""

import os

from hypothesis import HealthCheck, settings

# No deadline and no too-slow check: a busy machine is no failure, and each test has its own time
# bound in pyproject.toml. Examples stay random, so that every run looks somewhere new; a failing
# one is printed with the line that replays it.
settings.register_profile(
    "ci",
    derandomize=False,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
