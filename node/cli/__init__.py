"""Command line `poyong`: one file a group of commands.

A command prints a table for people, or one JSON value with --json. What goes wrong is one sentence
on stderr that says what to do; exit codes are in docs/operating.md, "Exit codes". It is an edge:
it may print, read files and talk to nodes, and it decides nothing that a node decides.
"""

import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from ledger.errors import InvariantViolation, LocalError, PeerError
from node.cli.lazy import LazyCommand, LazyGroup
from node.version import VERSION, UpgradeNeededError

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INVARIANT: Final = 3
EXIT_UPGRADE: Final = 4
EXIT_INTERRUPTED: Final = 130

_COMMANDS: Final = {
    "town": LazyCommand("node.cli.town:town", "A consortium on this machine: up, down, status."),
    "init": LazyCommand("node.cli.home:init", "Prepare the folder of one node."),
    "join": LazyCommand("node.cli.join:join", "Prepare a node for a chain that runs."),
    "snapshot": LazyCommand(
        "node.cli.snapshot:snapshot", "Make, list and restore snapshots of the state."
    ),
    "keys": LazyCommand("node.cli.keys:keys", "Make, import, show and replace keys."),
    "genesis": LazyCommand(
        "node.cli.genesis:genesis_group", "Make, extend, show and check a genesis."
    ),
    "start": LazyCommand("node.cli.home:start", "Run a node until it is told to stop."),
    "admin": LazyCommand(
        "node.cli.admin:admin", "Look after a running node: drain, reload, peers, log level."
    ),
    "signer": LazyCommand("node.cli.signer:signer", "A process that holds a validator's key."),
    "status": LazyCommand("node.cli.status:status", "Where a node stands."),
    "peers": LazyCommand("node.cli.query:peers", "Whom a node is connected with."),
    "validators": LazyCommand("node.cli.query:validators", "Who votes, and who signed lately."),
    "why-stalled": LazyCommand("node.cli.query:why_stalled", "Why no block comes, and the remedy."),
    "wallet": LazyCommand("node.cli.wallet:wallet", "Accounts of your own: make, send, follow."),
    "tx": LazyCommand("node.cli.tx:tx", "Build, sign, send and show transactions."),
    "land": LazyCommand("node.cli.land:land", "Land values, appraisals, official tables."),
    "issuance": LazyCommand("node.cli.issuance:issuance", "How a mint came about; other rules."),
    "pool": LazyCommand("node.cli.pool:pool", "The pools, what an account holds in them, claims."),
    "gov": LazyCommand("node.cli.gov:gov", "Proposals, votes and chambers, and taking part."),
    "org": LazyCommand("node.cli.org:org", "The organisations of a chain."),
    "prove": LazyCommand("node.cli.prove:prove", "Write a file that proves a statement offline."),
    "verify": LazyCommand("node.cli.verify:verify", "Check a proof offline, from genesis alone."),
    "state": LazyCommand("node.cli.state:state_group", "Export a stopped node's state, check one."),
    "backup": LazyCommand(
        "node.cli.backup:backup", "An encrypted backup of a node, which may run."
    ),
    "restore": LazyCommand("node.cli.backup:restore", "A new node folder from a backup."),
    "fence": LazyCommand("node.cli.fence:fence", "Which folder with a validator's key may sign."),
    "history": LazyCommand("node.cli.history:history", "Fill in a stopped node's history."),
    "index": LazyCommand("node.cli.sql_index:index", "A chain in tables of a SQL database."),
    "export": LazyCommand(
        "node.cli.export:export_command", "Blocks, accounts or events as JSON lines or CSV."
    ),
    "bench": LazyCommand("node.cli.bench:bench", "Measure this machine with a town under load."),
    "doctor": LazyCommand("node.cli.doctor:doctor", "Check a node's files, store and invariants."),
    "diagnose": LazyCommand("node.cli.diagnose:diagnose", "One file for who helps; no secrets."),
    "completion": LazyCommand("node.cli.completion:completion", "Completion script for a shell."),
}


@click.group(
    cls=LazyGroup,
    lazy=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(VERSION, prog_name="poyong")
def root() -> None:
    """Poyong (포용): a consortium chain whose token follows real land value.

    `poyong town up` shows a running town on this machine.
    """


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; never raises for what an operator can cause."""
    try:
        code = root.main(list(arguments), prog_name="poyong", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "poyong"
        return _fail(f"{error.format_message().rstrip('.')}; see {command} --help", EXIT_USAGE)
    except click.ClickException as error:
        return _fail(error.format_message(), EXIT_FAILED)
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted", EXIT_INTERRUPTED)
    except UpgradeNeededError as error:
        return _fail(str(error), EXIT_UPGRADE)
    except (LocalError, PeerError) as error:
        return _fail(str(error), EXIT_FAILED)
    except InvariantViolation as error:
        return _fail(
            f"invariant broken: {error}; keep the data folder and report it", EXIT_INVARIANT
        )
    except BrokenPipeError:
        # The reader went away (`poyong ... | head`): nothing to say, and nowhere to say it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}; check path, owner and disk", EXIT_FAILED)


def _fail(sentence: str, code: int) -> int:
    click.echo(f"poyong: {sentence}", err=True)
    return code
