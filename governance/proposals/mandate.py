"""What proposals may decide and whom they ask: handed in by the composition, which knows every
module; this room names none of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from governance.chambers import ALL_CHAMBERS, PERSONS
from governance.ports import Electorate, LegalBases, Router
from governance.proposals.classes import ProposalClass, governance_parameters
from governance.proposals.proposal_rows import Message, book
from governance.proposals.tally import ChamberCount
from ledger import codec
from ledger.state import State

Loosens = Callable[[State, str, object], bool]
"""Whether a message with this body loosens supply, compared with the rules in force."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """The ports, and what the composition knows of messages.

    class_of: the class of each message type that a proposal may carry. loosens_supply: such a
    message is class D and waits a year; the callable raises nothing. recused: chambers without a
    vote on a message type.
    registrar_types: messages that replace registrars. never_paused: message types of other modules
    that no emergency stops (challenges, reveals, what blocks need). challenge_type: the message
    by which a land value is challenged.
    """

    electorate: Electorate
    router: Router
    legal_bases: LegalBases
    class_of: Mapping[str, ProposalClass]
    loosens_supply: Loosens = lambda state, message_type, body: False
    recused: Mapping[str, frozenset[str]] = field(default_factory=dict)
    registrar_types: frozenset[str] = frozenset()
    never_paused: frozenset[str] = frozenset()
    challenge_type: str = "land.challenge"


@dataclass(frozen=True, slots=True)
class Judgement:
    """How grave what a proposal carries is, by the state of now."""

    proposal_class: ProposalClass
    loosens_supply: bool
    recused: frozenset[str]


def judge(mandate: Mandate, state: State, time_ms: int, messages: list[Message]) -> Judgement:
    """The strictest class of the messages (A without any), and who is recused from them.

    After the bootstrap, and while a persons' chamber is vacant, replacing registrars is class A:
    registrars who seat nobody must not be able to keep themselves in office.
    """
    found, loosens = ProposalClass.A, False
    recused: frozenset[str] = frozenset()
    eased = mandate.registrar_types if bootstrap_rule_applies(mandate, state, time_ms) else ()
    for message in messages:
        if message.type not in eased:
            # A type that an upgrade took away is judged strictly here, and refused when executed.
            found = max(found, mandate.class_of.get(message.type, ProposalClass.D))
        loosens = loosens or loosens_supply(mandate, state, message)
        recused |= mandate.recused.get(message.type, frozenset())
    return Judgement(ProposalClass.D if loosens else found, loosens, recused)


def loosens_supply(mandate: Mandate, state: State, message: Message) -> bool:
    """Whether executing the message now would loosen supply."""
    return mandate.loosens_supply(state, message.type, codec.decode(message.body))


def bootstrap_rule_applies(mandate: Mandate, state: State, time_ms: int) -> bool:
    """True from two years after genesis on, while a persons' chamber is vacant."""
    parameters = governance_parameters(state)
    end_ms = book(state).start_ms + parameters.block_ms(parameters.bootstrap_ms)
    return time_ms >= end_ms and len(seated_persons(mandate, state)) < len(PERSONS)


def electorate_now(mandate: Mandate, state: State) -> list[ChamberCount]:
    """Every chamber with its members of now and no votes."""
    return [
        ChamberCount(chamber.name, 0, 0, 0, mandate.electorate.seated(state, chamber.name))
        for chamber in ALL_CHAMBERS
    ]


def seated_persons(mandate: Mandate, state: State) -> list[ChamberCount]:
    """The persons' chambers that are not vacant now."""
    return [
        count
        for count in electorate_now(mandate, state)
        if count.is_persons and not count.is_vacant
    ]
