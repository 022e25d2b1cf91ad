"""Plays a scenario to a running town: signs for its appraisers and officials, over JSON-RPC.

What is done and what is missing is read from the chain at every step, so a player that was stopped,
or whose town was, just goes on.
"""
