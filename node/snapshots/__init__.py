"""Snapshots: made while the node runs, served to peers, verified part by part, begun from."""
