"""From seals to a final block: what is certified is committed, whoever certified it (rule 6)."""

from consensus.certificate import commit_certificate, require_certificate
from consensus.chain import FinishedHeight, late_seal_of
from consensus.core import Core
from consensus.effects import CatchUp, FetchBlock
from consensus.events import TimerKind
from consensus.messages import CertifiedBlock, LateSealMessage, Vote
from consensus.pacemaker import RESEND_MS
from consensus.transitions import Move, Step
from ledger.errors import PeerError, ensure
from ledger.registry import Certificate, Phase


def settle(core: Core) -> None:
    """Commit the running height when its certificate and block are held; else note the lag."""
    state = core.height
    if state.final:
        return
    if state.certificate is None:
        votes = state.votes.commit_quorum(state.n)
        if votes is not None:
            state.certificate = commit_certificate(votes)
    if state.certificate is not None:
        block = state.blocks.get(state.certificate.block_hash)
        if block is not None:
            finalise(core, CertifiedBlock(state.certificate, block))
            return
        lag(core, state.height)
        return
    if core.next_height.block is not None or (
        core.next_height.votes.commit_quorum(len(core.chain.head.validators_next)) is not None
    ):
        lag(core, state.height + 1)


def lag(core: Core, target: int) -> None:
    """A verified certificate at `target` is held: sign nothing here and fetch what is missing."""
    newly = target > core.behind_target
    core.behind_target = max(core.behind_target, target)
    if core.height.step is not Step.BEHIND:
        core.height.move(Move.LAG, core.now_ms)
        core.pacemaker.timing_view = None
        core.cancel_timer(TimerKind.VIEW)
        core.set_timer(TimerKind.RESEND, RESEND_MS)
        newly = True
    if newly:
        request_missing(core)


def request_missing(core: Core) -> None:
    """Ask for the block of the held certificate, or for the heights up to the known target."""
    state = core.height
    certificate = state.certificate
    if state.final:
        return
    if certificate is not None:
        holders = tuple(index for index, _ in certificate.seals if index != core.own)
        core.out.requests.append(FetchBlock(state.height, certificate.block_hash, holders))
        return
    target = max(core.behind_target, core.claimed_by_honest() - 1)
    if target > state.height:
        core.asked_target = target
        core.out.requests.append(CatchUp(target))


def finalise(core: Core, certified: CertifiedBlock) -> None:
    """The block is final: hand it out once; the next height waits for BlockApplied (rule 5)."""
    state, certificate = core.height, certified.certificate
    ensure(
        certified.proposal.parent_hash == core.chain.head.block_hash,
        f"the certified block {certificate.block_hash.hex()} of height {state.height} is not a "
        "child of the applied head: the validators forked or this store is of another chain",
    )
    state.move(Move.FINALISE, core.now_ms)
    state.final, state.certificate = True, certificate
    participation = certified.proposal.participation
    fact = FinishedHeight(certificate, state.validators, participation)
    core.chain.finish(fact, certified.proposal)
    for vote in state.votes.commits():
        core.chain.add_late_seal(core.authenticator, late_seal_of(vote))
    core.evidence.settle(participation.evidence, state.height)
    core.pacemaker.committed()
    for kind in (TimerKind.VIEW, TimerKind.RESEND, TimerKind.WORK):
        core.cancel_timer(kind)
    core.out.committed.append(certified)
    _offer_own_seal(core, certificate)
    _learn_certified_head(core)


def _offer_own_seal(core: Core, certificate: Certificate) -> None:
    """An own seal that the certificate lacks may have been lost: others embed it later."""
    own = core.signed.get((Phase.COMMIT, certificate.view))
    if (
        isinstance(own, Vote)
        and own.block_hash == certificate.block_hash
        and all(index != own.validator for index, _ in certificate.seals)
    ):
        core.send(LateSealMessage(late_seal_of(own)), core.others())


def _learn_certified_head(core: Core) -> None:
    """After a lost vote record: sign from two heights above the first certified head (rule 6).

    This replica may have voted up to H, so a quorum had sealed H - 1; among any quorum of others
    an honest one of those sealers says that it runs at H - 1 or above. A height that a quorum of
    others had not finished when they were first heard is thus H - 1 or above: a head, and no old
    block that is being fetched.
    """
    if core.guard.sign_from is not None or core.config.signs_from is None:
        return
    first = sorted(core.first_claims.values())
    needed = core.height.validators.quorum
    if len(first) >= needed and first[needed - 1] <= core.height.height:
        core.guard.sign_from = max(core.height.height + 2, core.config.signs_from)


def on_certified_block(core: Core, message: CertifiedBlock) -> None:
    """A block with its certificate: catch-up by one height, and each block of a range."""
    certificate, proposal = message.certificate, message.proposal
    if proposal.height != certificate.height or proposal.hash != certificate.block_hash:
        raise PeerError(f"certificate of height {certificate.height} is not of the block beside it")
    state = core.height
    ahead = certificate.height - state.height
    if ahead == 0 and not state.final:
        require_certificate(core.authenticator, state.validators, certificate)
        state.certificate = certificate
        state.blocks[proposal.hash] = proposal
    elif ahead == 1:
        validators = core.chain.head.validators_next
        require_certificate(core.authenticator, validators, certificate)
        core.next_height.block = message


def claims_show_lag(core: Core) -> bool:
    """f + 1 validators claim to run above this height: fetch, but go on voting (rule 6)."""
    return core.claimed_by_honest() > core.height.height
