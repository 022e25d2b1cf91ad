"""Follows a chain into tables of a SQL database, for questions that outgrow a node.

`rows` turns a block into rows and is pure; `schema` and `database` need the optional extra `sql`;
`follow` reads the blocks of a running node. A node never imports this package.
"""
