"""Exported states: written, checked, and the beginning of a new chain."""
