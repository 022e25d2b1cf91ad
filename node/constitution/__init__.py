"""The scenario `constitution`: a running town is governed by its stakeholders from day one on.

The scenario's process holds the keys of everybody who acts in it. Whatever it says has happened was
read back from a node over JSON-RPC.
"""
