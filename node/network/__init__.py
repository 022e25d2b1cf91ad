"""Connections between nodes: frames, TLS, who is dialled and who may speak."""
