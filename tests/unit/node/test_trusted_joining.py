"""Who joins from a trusted header believes no former validators, whoever has their keys now."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from api.light import TrustedHeader, verify_chain
from api.ports import SetChange
from governance.deciding import ADD_VALIDATOR, REMOVE_VALIDATOR
from ledger import codec
from ledger.errors import LocalError, PeerError
from ledger.registry import Certificate, Phase, ValidatorSet
from ledger.validator_tables import set_at
from node import config
from node.assembly import run_node
from node.reads.chain_proofs import chain_proof
from node.snapshots.checking import BeforeTrustedError, ChainRules, CheckedManifest
from node.snapshots.format import MANIFEST, Manifest, decode_manifest
from node.snapshots.restoring import JoinFolder
from tests.support.applied_chain import AppliedChain
from tests.support.ledger_chain import AUTHORITY, CHAIN_ID, validator, validator_signer
from tests.support.snapshots import GENESIS, RULES, grown, items_of, snapshot_of
from tests.unit.node.test_snapshot_fetching import Network, honest

OLD = ("o0", "o1", "o2", "o3")
LONGER = 90
"""Blocks of a forged chain, more than the true one has."""


@cache
def changed() -> AppliedChain:
    """Three joined the validators of genesis, and two of those left: the others are no quorum any
    more. Do not change it."""
    chain = AppliedChain()
    grow(chain, 3)
    for name in ("o4", "o5", "o6"):
        new = validator(name)
        body = ADD_VALIDATOR.encode(new.organisation, new.public_key, new.node_key)
        chain.grow(chain.signed(ADD_VALIDATOR.name, body, AUTHORITY))
        grow(chain, 4)
    for name in OLD[:2]:
        body = REMOVE_VALIDATOR.encode(name)
        chain.grow(chain.signed(REMOVE_VALIDATOR.name, body, AUTHORITY))
        grow(chain, 4)
    members = set_at(chain.state, chain.chain.head.height + 1)
    assert sum(one.organisation in OLD for one in members.validators) < members.quorum
    return chain


def grow(chain: AppliedChain, blocks: int) -> None:
    for _ in range(blocks):
        chain.grow(chain.signed())


def trusting(chain: AppliedChain) -> ChainRules:
    """Rules of who trusts the head of a chain."""
    proof = chain_proof(chain.chain.blocks, chain.chain.head)
    anchor = verify_chain(RULES.trusted, proof).anchor
    return replace(RULES, anchor=TrustedHeader(CHAIN_ID, GENESIS.hash, anchor))


def manifest_of(chain: AppliedChain, folder: Path) -> bytes:
    return items_of(snapshot_of(chain, folder))[MANIFEST]


def test_the_chain_of_the_trusted_header_is_followed(tmp_path: Path) -> None:
    """At its own block, and at a later one with another validator set."""
    rules = trusting(changed())
    assert CheckedManifest(rules, manifest_of(changed(), tmp_path)).manifest.height == 28
    later = AppliedChain(changed().store)
    new = validator("o7")
    body = ADD_VALIDATOR.encode(new.organisation, new.public_key, new.node_key)
    later.grow(later.signed(ADD_VALIDATOR.name, body, AUTHORITY))
    grow(later, 40)
    changed.cache_clear()  # its store went on
    found = CheckedManifest(rules, manifest_of(later, tmp_path)).manifest
    assert found.height == 69
    assert len(found.set_changes) == 6


def test_a_chain_that_former_validators_forged_is_refused(tmp_path: Path) -> None:
    """It follows from genesis, by the keys of validators who have left since; from the trusted
    header it does not."""
    forged = manifest_of(grown(LONGER), tmp_path)
    assert CheckedManifest(RULES, forged).manifest.height == LONGER, "genesis cannot tell"
    with pytest.raises(PeerError, match="does not follow from the trusted block 28"):
        CheckedManifest(trusting(changed()), forged)


def test_another_block_at_the_trusted_height_is_refused(tmp_path: Path) -> None:
    """Sealed by the very validators that the trusted header names."""
    chain, other = AppliedChain(), AppliedChain()
    grow(chain, 5)
    for _ in range(7):
        other.grow()
    with pytest.raises(PeerError, match="the hash of that block is"):
        CheckedManifest(trusting(chain), manifest_of(other, tmp_path))


def test_an_older_snapshot_cannot_be_proven(tmp_path: Path) -> None:
    """It may be right: who offers it is no liar."""
    with pytest.raises(BeforeTrustedError, match="block 5, before the trusted block 28"):
        CheckedManifest(trusting(changed()), manifest_of(grown(5), tmp_path))


def test_a_forged_way_from_genesis_to_the_true_chain_is_refused(tmp_path: Path) -> None:
    """Former validators name a set with one member more, under which the true certificates hold as
    well. The node would keep that way and show it to others."""
    rules = trusting(changed())
    manifest = decode_manifest(manifest_of(changed(), tmp_path))
    forged = replace(manifest, set_changes=(_one_more(manifest),)).encode()
    assert len(CheckedManifest(RULES, forged).manifest.set_changes) == 1, "genesis cannot tell"
    with pytest.raises(PeerError, match="another validator set is said to vote on block 28"):
        CheckedManifest(rules, forged)


def _one_more(manifest: Manifest) -> SetChange:
    """A change from the set of genesis, signed by its keys."""
    members = manifest.set_changes[-1].validators.validators
    wanted = ValidatorSet((*members, validator("intruder")))
    header = replace(GENESIS, height=3, validators_hash=wanted.hash())
    domain = AppliedChain().domain
    payload = domain.payload(Phase.COMMIT, header.height, 0, header.hash)
    seals = tuple((index, validator_signer(name).sign(payload)) for index, name in enumerate(OLD))
    certificate = Certificate(header.height, 0, header.hash, seals)
    return SetChange(codec.encode(header.to_wire()), certificate, wanted)


async def test_who_offers_a_forged_chain_is_dropped_and_the_true_one_taken(
    tmp_path: Path,
) -> None:
    """The forged one is longer, and is asked for first; an older true one is not asked for."""
    rules = trusting(changed())
    network = Network(tmp_path / "data", rules)
    network.connect(b"forger", honest(snapshot_of(grown(LONGER), tmp_path / "forged")))
    network.connect(b"behind", honest(snapshot_of(grown(5), tmp_path / "behind")))
    assert not await network.run(patience_s=0.3)
    assert [name for name, _ in network.penalties] == [b"forger"]
    assert "does not follow from the trusted block 28" in network.penalties[0][1]
    assert network.items_asked_of(b"behind") == []
    assert "block 5, before the trusted block 28" in network.fetcher.refusal
    network.connect(b"true", honest(snapshot_of(changed(), tmp_path / "true")))
    assert await network.run()
    found = network.folder.manifest
    assert found is not None
    assert found.manifest.height == 28


def test_what_was_gathered_of_a_forged_chain_is_dropped_at_the_next_start(tmp_path: Path) -> None:
    """When the operator names a trusted header later."""
    folder = JoinFolder(tmp_path, RULES)
    folder.begin(CheckedManifest(RULES, manifest_of(grown(LONGER), tmp_path)))
    assert JoinFolder(tmp_path, RULES).manifest is not None
    assert JoinFolder(tmp_path, trusting(changed())).manifest is None


def test_a_trusted_header_without_a_snapshot_is_refused(tmp_path: Path) -> None:
    """A node that begins at genesis would not look at it. Nothing is made."""
    settings = config.SnapshotsConfig(trusted_header="trusted.json")
    text = config.render(config.Config(snapshots=settings))
    (tmp_path / config.CONFIG_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(LocalError, match="set join to true, or leave trusted_header empty"):
        run_node(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [config.CONFIG_FILE]
