"""Validator keys outside the node: a signer process, a hardware module, and what both refuse."""
