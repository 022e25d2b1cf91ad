"""Deterministic simulator: production nodes on a virtual clock, network and disk, from one seed.

Run it with `python -m tests.simulation` (docs: consensus.md, "Proof by simulation"). What is
production code here: Replica and VoteGuard, ReplicaDriver, Chain with its executor and stores'
layout, Mempool, Ingest, ProposalAssembler, BlockServer, RangePlanner, every codec, the opening of
a chain and the vote record with its recovery. What is virtual: time, links, the key-value store,
the two files of the vote record, and the signer of nine seeds in ten.

    world.py            virtual time and the order of events
    network.py          links and their faults
    disk.py             what a node's disk does to writes, syncs and reads
    store.py            a store on it: batches whole or not at all
    vote_files.py       the files of the vote record on it, in sectors
    disk_plan.py        what goes wrong with disks in a seed
    disk_faults.py      how, and what supervisor and operators do about it
    node.py             one node: the parts of node/runtime.py without asyncio
    synchronisation.py  node/sync/catchup.py without asyncio
    byzantine.py        validators that do what they should not
    plan.py             what one seed decides
    faults.py           when links break, nodes pause and crash
    clients.py          who sends transactions
    governed.py         organisations, keys and genesis of chains that stakeholders govern
    changing.py         plans in which the validator set changes
    organisations.py    who proposes and votes on changes, and proves that a new key is ready
    operators.py        who starts joiners and gives nodes their new keys
    monitor.py          what is checked after every event
    sets.py             what is checked of the validator sets, from final headers
    run.py              one seed: safety phase, then liveness phase
    chains.py           genesis of each kind of chain, made once
    campaign.py         many seeds on all cores
"""
