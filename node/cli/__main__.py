"""`python -m node.cli`, the same as `poyong`; how a local town starts its nodes."""

from node.cli import main

if __name__ == "__main__":  # a process that a node starts for itself reads this file too
    main()
