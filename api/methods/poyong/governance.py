"""poyong_*: proposals, chambers, organisations, agreements, legal bases and the emergency council,
as governance's modules tell them."""

from typing import Annotated, cast

from api import governance_examples as examples
from api import governance_results as results
from api import parameters, views
from api.registry import Context, method

_TALLY = ("number", "class", "status", "votes", "missing", "executes_ms")


@method("poyong", example={"state": "VOTING", "before": 8, "count": 1}, result=examples.PAGE)
async def list_proposals(
    context: Context,
    state: Annotated[
        str | None, parameters.PROPOSAL_STATUS, "Only those that stand there; by default all."
    ] = None,
    before: Annotated[
        int | None,
        parameters.PROPOSAL,
        "Only numbers below; next_before of the page before. By default from the newest.",
    ] = None,
    count: Annotated[int, parameters.PROPOSALS, "How many, at most."] = parameters.MAX_PROPOSALS,
) -> results.ProposalPage:
    """Proposals, newest first. A page of one state may hold fewer than asked for, even none, while
    next_before still continues the list: one call looks at 1000 proposals."""
    return cast(results.ProposalPage, context.node.proposals(state, before, count))


@method("poyong", example={"number": 7}, result=examples.PROPOSAL)
async def get_proposal(
    context: Context,
    number: Annotated[int, parameters.PROPOSAL, "Number of the proposal."],
) -> results.Proposal | None:
    """A proposal: what it carries out, its votes with frozen rules and counts by chamber, what is
    still missing for a majority, and when it is executed. Null for an unknown number."""
    found = context.node.proposal(number)
    if found is None:
        return None
    return cast(results.Proposal, views.proposal(found, context.node.messages))


@method("poyong", example={"number": 7}, result=examples.TALLY)
async def get_tally(
    context: Context,
    number: Annotated[int, parameters.PROPOSAL, "Number of the proposal."],
) -> results.Tally | None:
    """The counts of a proposal's votes by chamber, what is still missing for a majority, and when
    it is executed. Null for an unknown number."""
    found = context.node.proposal(number)
    return None if found is None else cast(results.Tally, {name: found[name] for name in _TALLY})


@method("poyong", example={}, result=[examples.CHAMBER])
async def get_chambers(context: Context) -> list[results.ChamberSeats]:
    """The six chambers: weight, members, organisations, and whether one is vacant. Empty on a chain
    where nobody was ever seated."""
    return cast(list[results.ChamberSeats], list(context.node.chambers()))


@method("poyong", example={"after": "a", "count": 1}, result=[examples.ORGANISATION])
async def list_organisations(
    context: Context,
    after: Annotated[
        str, parameters.ORGANISATION, "Only ids above, by default all: the last one of a page."
    ] = "",
    count: Annotated[int, parameters.ITEMS, "How many, at most."] = parameters.MAX_ITEMS,
) -> list[results.Organisation]:
    """Organisations by id, whatever their status, with keys and the history of their seats."""
    return cast(list[results.Organisation], list(context.node.organisations(after, count)))


@method("poyong", example={"account": examples.PERSON["account"]}, result=examples.PERSON)
async def get_person(
    context: Context,
    account: Annotated[bytes, parameters.ADDRESS, "The account that the person votes with."],
) -> results.PersonRecord | None:
    """The public record of the credential that an account holds; the chain knows no more of a
    person, and lists none. Null for an account without one."""
    return cast(results.PersonRecord | None, context.node.person(account))


@method("poyong", example={"after": 0, "count": 1}, result=[examples.AGREEMENT])
async def list_agreements(
    context: Context,
    after: Annotated[int, parameters.NUMBER, "Only numbers above, by default all."] = 0,
    count: Annotated[int, parameters.ITEMS, "How many, at most."] = parameters.MAX_ITEMS,
) -> list[results.Agreement]:
    """Agreements in order, each with its parties, and who of them signed in which transaction."""
    return cast(list[results.Agreement], list(context.node.agreements(after, count)))


@method("poyong", example={"after": 0, "count": 1}, result=[examples.LEGAL_BASIS])
async def list_legal_bases(
    context: Context,
    after: Annotated[int, parameters.NUMBER, "Only numbers above, by default all."] = 0,
    count: Annotated[int, parameters.ITEMS, "How many, at most."] = parameters.MAX_ITEMS,
) -> list[results.LegalBasis]:
    """Acts, ordinances and special provisions in order, with each change of their status. Proposals
    of classes C and D execute only while their basis is in force."""
    return cast(list[results.LegalBasis], list(context.node.legal_bases(after, count)))


@method("poyong", example={"after": 0, "count": 1}, result=[examples.CHALLENGE_PETITION])
async def list_challenge_petitions(
    context: Context,
    after: Annotated[int, parameters.NUMBER, "Only numbers above, by default all."] = 0,
    count: Annotated[int, parameters.ITEMS, "How many, at most."] = parameters.MAX_ITEMS,
) -> list[results.ChallengePetition]:
    """Petitions of persons that challenge a land value, in order: signatures so far and needed,
    and when the challenge was made."""
    found = context.node.challenge_petitions(after, count)
    return cast(list[results.ChallengePetition], list(found))


@method(
    "poyong",
    example={"module": "issuance", "name": "lambda_bps", "changes": 10},
    result=[examples.PARAMETER],
)
async def get_params(
    context: Context,
    module: Annotated[str | None, parameters.MODULE, "Only of this one; by default all."] = None,
    name: Annotated[str | None, parameters.PARAMETER, "Only this one; by default all."] = None,
    changes: Annotated[
        int, parameters.CHANGES, "How many of each module's changes to look at, the newest first."
    ] = parameters.USUAL_CHANGES,
) -> list[results.Parameter]:
    """Every parameter that the chain has: value, hard bounds, unit, the class of the vote that
    changes it, and each change with the proposal that decided it. Empty for an unknown name."""
    return cast(list[results.Parameter], list(context.node.parameters(module, name, changes)))


@method("poyong", example={}, result=examples.COUNCIL)
async def get_council(context: Context) -> results.Council | None:
    """The emergency council: who holds its seats, what is paused, and which reports are due. Null
    on a chain without proposals."""
    return cast(results.Council | None, context.node.council())


METHODS = (
    list_proposals,
    get_proposal,
    get_tally,
    get_chambers,
    list_organisations,
    get_person,
    list_agreements,
    list_legal_bases,
    list_challenge_petitions,
    get_params,
    get_council,
)
