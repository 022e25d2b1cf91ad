"""The genesis of several organisations, of which none has to trust who puts it together.

All agree on terms; each hands in a signed contribution; the document follows from both in one way
alone, so that whoever has the files makes it again; each signs off on its hash. docs/ceremony.md.
"""
