"""The chain on disk: engines, rows of blocks and indices, what is removed, and opening it."""
