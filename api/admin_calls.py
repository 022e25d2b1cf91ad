"""Calls of admin_*, for the operator's socket; as api.calls has those of the wallet port."""

from api import admin_results
from api.calls import Call


def peers() -> Call[admin_results.AdminPeers]:
    """admin_peers."""
    return Call("admin_peers", {})


def drain(*, stop: bool = False) -> Call[admin_results.Drain]:
    """admin_drain."""
    return Call("admin_drain", {"stop": stop})


def resume() -> Call[admin_results.Drain]:
    """admin_resume."""
    return Call("admin_resume", {})


def log_level(level: admin_results.LogLevel | None = None) -> Call[admin_results.Level]:
    """admin_logLevel."""
    return Call("admin_logLevel", {} if level is None else {"level": level})


def snapshot(*, begin: bool = True) -> Call[admin_results.Snapshots]:
    """admin_snapshot."""
    return Call("admin_snapshot", {"begin": begin})


def backup() -> Call[admin_results.Backups]:
    """admin_backup."""
    return Call("admin_backup", {})


def reload() -> Call[admin_results.Reloaded]:
    """admin_reload."""
    return Call("admin_reload", {})
