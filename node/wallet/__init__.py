"""Accounts that a person keeps: phrases, key files of both kinds, addresses that are watched.

It touches the disk and randomness, and no network: what sends is in node.cli. A wallet is a folder
of files, each of which is complete in itself and can be moved to another machine alone.
"""
