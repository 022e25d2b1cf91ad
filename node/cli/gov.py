"""`poyong gov`: what stakeholders propose and decide, and the messages to take part."""

from typing import Final

import click

from node.cli.lazy import LazyCommand, LazyGroup

_COMMANDS: Final = {
    "list": LazyCommand("node.cli.gov_query:list_command", "Proposals, newest first."),
    "show": LazyCommand(
        "node.cli.gov_query:show", "A proposal: votes, what is missing, when it executes."
    ),
    "preview": LazyCommand(
        "node.cli.gov_preview:preview_command", "What a proposal would change today."
    ),
    "chambers": LazyCommand("node.cli.gov_query:chambers", "The six chambers and who sits there."),
    "council": LazyCommand("node.cli.gov_query:council", "The emergency council and its pauses."),
    "params": LazyCommand(
        "node.cli.gov_params:params", "Parameters: value, bounds, who changes them, history."
    ),
    "bases": LazyCommand("node.cli.gov_query:bases", "Acts and ordinances that decisions rest on."),
    "agreements": LazyCommand("node.cli.gov_query:agreements", "Agreements and who has signed."),
    "template": LazyCommand(
        "node.cli.gov_propose:template_command", "A proposal to fill in, for message types."
    ),
    "propose": LazyCommand("node.cli.gov_propose:propose", "Organisations: bring a proposal."),
    "petition": LazyCommand("node.cli.gov_propose:petition", "Persons: open a petition."),
    "sponsor": LazyCommand(
        "node.cli.gov_send:sponsor", "Organisations: sponsor another one's proposal."
    ),
    "withdraw": LazyCommand("node.cli.gov_send:withdraw", "Take back one's own proposal."),
    "sign-petition": LazyCommand("node.cli.gov_send:sign_petition", "Persons: sign a petition."),
    "challenges": LazyCommand(
        "node.cli.gov_challenge:challenges", "Petitions that challenge a land value."
    ),
    "challenge": LazyCommand(
        "node.cli.gov_challenge:challenge", "Persons: challenge a land value together."
    ),
    "sign-challenge": LazyCommand(
        "node.cli.gov_challenge:sign_challenge", "Persons: sign such a petition."
    ),
    "vote": LazyCommand("node.cli.gov_send:vote", "Vote, or change one's vote."),
    "name-seat": LazyCommand(
        "node.cli.gov_send:name_seat", "Name who holds your chamber's council seat."
    ),
    "nominate": LazyCommand(
        "node.cli.gov_send:nominate", "Chambers: name an appraiser for a panel."
    ),
    "delegate": LazyCommand("node.cli.gov_send:delegate", "Persons: delegate votes of a class."),
    "undelegate": LazyCommand("node.cli.gov_send:undelegate", "Persons: end a delegation."),
    "recall": LazyCommand(
        "node.cli.gov_send:recall", "Persons: ask for a further vote on what has passed."
    ),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def gov() -> None:
    """Proposals, votes and chambers; the emergency council; legal bases and agreements."""
