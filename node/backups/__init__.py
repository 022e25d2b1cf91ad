"""Backups: what is in one, how it is sealed, made, proved and restored."""
