"""Random and mutated bytes into every decoder: `python -m tests.fuzz --help`."""
