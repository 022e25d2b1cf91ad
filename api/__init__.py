"""The edge for wallets, explorers and programs: JSON-RPC over HTTP and WebSocket, and a client.

May do network IO. It may import the rooms below, never `node`: what it needs of a running node it
declares itself as Protocols in `api/ports.py`, and the node fills them.
"""
