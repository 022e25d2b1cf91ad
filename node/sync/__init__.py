"""Catching up: certified blocks from peers, and answers to those who ask."""
