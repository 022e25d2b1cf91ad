"""poyong_*: the chain in its own terms."""
