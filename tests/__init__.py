"""Tests of the project; a package, so that `python -m tests.simulation` finds them."""
