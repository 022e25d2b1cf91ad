"""Transactions on their way into the mempool and to the other nodes."""
