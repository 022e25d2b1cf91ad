"""`python -m node.cli`, the same as `poyong`; how a local town starts its nodes."""

from node.cli import main

main()
