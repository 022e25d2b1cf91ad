"""The vote record: what a replica must not forget, in two files."""
