"""The running node: everything that touches clock, disk, network, keys and processes.

Holds the command line, configuration, the loop that owns the replica, peers and TLS, write-ahead
log, store engines, keystore, metrics and the local town. It is the composition root: it may import
every room, and it is the only place that names every module.
"""
