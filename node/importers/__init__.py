"""Official tables (CSV) into zones, rates and sales: reading and checking, row by row.

Files are streamed; nothing is kept but what counts, and everything kept is bounded. Only disk is
touched here: node.cli shows progress and talks to nodes.
"""
