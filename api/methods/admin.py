"""admin_*: what the operator of a node does with it, on its Unix socket alone."""

from typing import Annotated

from api import admin_results, examples, parameters
from api.admin_ports import AdminPort, Drain, NotDone
from api.encoding import hex_of
from api.errors import REFUSED, RpcError
from api.registry import Context, method
from api.views import peers as peer_views
from ledger.errors import ensure

_DRAINED: admin_results.Drain = {
    "draining": True,
    "drained": True,
    "stopping": False,
    "height": 1,
    "finishing": None,
}


def _desk(context: Context) -> AdminPort:
    desk = context.admin
    ensure(desk is not None, "admin methods are registered for the operator's socket alone")
    return desk  # type: ignore[return-value]  # checked in the line above


@method(
    "admin",
    example={},
    result={
        "connected": [
            peer_views([examples.PEER])[0]
            | {"score": 100, "known_as": hex_of(examples.VALIDATOR_SET.validators[0].node_key)}
        ],
        "unreachable": [
            {
                "node_key": hex_of(examples.VALIDATOR_SET.validators[2].node_key),
                "address": "node3.example:26656",
                "reason": "Connect call failed",
            }
        ],
    },
)
async def peers(context: Context) -> admin_results.AdminPeers:
    """Connected peers with their score and the key under which they know this node, and peers that
    are dialled in vain, with the reason."""
    desk = _desk(context)
    found = desk.peers()
    return {
        "connected": [
            {**view, "score": item.score, "known_as": hex_of(item.known_as)}
            for item, view in zip(found, peer_views([item.peer for item in found]), strict=True)
        ],
        "unreachable": [
            {
                "node_key": hex_of(item.node_key),
                "address": item.address,
                "reason": item.reason,
            }
            for item in desk.unreachable()
        ],
    }


@method("admin", example={"stop": False}, result=_DRAINED)
async def drain(
    context: Context,
    stop: Annotated[
        bool | None, parameters.YES_NO, "End the process once it is drained; false by default."
    ] = None,
) -> admin_results.Drain:
    """Take no more transactions of clients; a validator finishes the height that it voted in, and
    votes and proposes no more. Answers at once with how far it is: ask again until it is
    drained."""
    return _drain(_desk(context).drain(stop=bool(stop)))


@method(
    "admin",
    example={},
    result=_DRAINED | {"draining": False, "drained": False},
)
async def resume(context: Context) -> admin_results.Drain:
    """End a drain: take transactions again, and vote from the next height on."""
    try:
        return _drain(_desk(context).resume())
    except NotDone as error:
        raise RpcError(REFUSED, str(error)) from error


@method("admin", example={"level": "debug"}, result={"level": "debug"})
async def log_level(
    context: Context,
    level: Annotated[
        admin_results.LogLevel | None, parameters.LOG_LEVEL, "The new one; else it is only told."
    ] = None,
) -> admin_results.Level:
    """The least important level that is logged, after setting it when one is given. It holds until
    the node ends; log.level holds from its start on."""
    found = _desk(context).log_level(level)
    known: dict[str, admin_results.LogLevel] = {
        "debug": "debug",
        "info": "info",
        "warning": "warning",
        "error": "error",
    }
    return {"level": known[found]}


@method(
    "admin",
    example={},
    result={
        "validator_keys": [hex_of(examples.VALIDATOR_SET.validators[0].public_key)],
        "node_keys": [hex_of(examples.VALIDATOR_SET.validators[0].node_key)],
        "api_keys": ["exchange"],
        "peers": 3,
    },
)
async def reload(context: Context) -> admin_results.Reloaded:
    """Read the configuration and the files that it names again. Validator and node keys, API keys
    and network.peers count at once, all else from the next start on. A key that the validator set
    of this or the next height needs cannot be taken away; what is wrong changes nothing."""
    try:
        found = await _desk(context).reload()
    except NotDone as error:
        raise RpcError(REFUSED, str(error)) from error
    return {
        "validator_keys": [hex_of(key) for key in found.validator_keys],
        "node_keys": [hex_of(key) for key in found.node_keys],
        "api_keys": list(found.api_keys),
        "peers": found.peers,
    }


@method(
    "admin",
    example={"begin": True},
    result={"making": 61, "parts_done": 12, "parts": 256, "last": None},
)
async def snapshot(
    context: Context,
    begin: Annotated[
        bool | None, parameters.YES_NO, "Begin one; true by default. False: it is only told."
    ] = None,
) -> admin_results.Snapshots:
    """Make a snapshot of the last block, unless one is being made. Answers at once with how far it
    is: ask again, with false, until nothing is being made. A block of which there is a snapshot
    already needs none."""
    try:
        found = _desk(context).snapshots(begin=begin is not False)
    except NotDone as error:
        raise RpcError(REFUSED, str(error)) from error
    last = found.last
    return {
        "making": found.making,
        "parts_done": found.parts_done,
        "parts": found.parts,
        "last": None
        if last is None
        else {"height": last.height, "file": last.file, "problem": last.problem},
    }


@method(
    "admin",
    example={},
    result={
        "giving_since_ms": None,
        "given_bytes": 1_327_104,
        "broken_off": None,
        "proved_ms": examples.TIME_MS,
    },
)
async def backup(context: Context) -> admin_results.Backups:
    """Whether somebody takes a backup of this node now, what became of the last one, and when one
    was last proved. `poyong backup` takes one: it gets the rows from this socket by GET /rows, and
    encrypts and proves them in its own process."""
    found = _desk(context).backups()
    return {
        "giving_since_ms": found.giving_since_ms,
        "given_bytes": found.given_bytes,
        "broken_off": found.broken_off,
        "proved_ms": found.proved_ms,
    }


def _drain(found: Drain) -> admin_results.Drain:
    return {
        "draining": found.draining,
        "drained": found.drained,
        "stopping": found.stopping,
        "height": found.height,
        "finishing": found.finishing,
    }


METHODS = (peers, drain, resume, log_level, reload, snapshot, backup)
