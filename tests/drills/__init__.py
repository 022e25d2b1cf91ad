"""Fault drills: a town of real processes, one thing that goes wrong, and what users saw of it.

`python -m tests.drills` runs all (`make drills`); docs/resilience.md has a row for each.
"""
