"""The emergency council and the pauses that it may set."""
