"""Golden chains: what a release wrote, which every later release must open, replay and extend.

Each has a number and a folder, which is never changed: `town.tar.xz`, the folder of a town of four
validators (genesis, configurations, encrypted keys, databases of both engines, vote records, the
label of each data folder) with the exported blocks, an exported state and proofs; `expected.json`,
what it has to give. docs/compatibility.md says when a maintainer adds one, and how.
"""
