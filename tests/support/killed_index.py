"""Follows a node into a database up to its head, and kills itself in the middle of it.

`python -m tests.support.killed_index RPC_URL DATABASE_URL STATEMENT`: SIGKILL before that statement
of the writing transactions, counted from 1 over the run; 0: before the first COMMIT that writes
blocks; -1: never.
"""

import asyncio
import os
import signal
import sys
from typing import Any

from sqlalchemy import Engine, event

from api.client import Client
from node.sqlindex.database import open_database
from node.sqlindex.follow import Follower


class Killer:
    def __init__(self, statement: int) -> None:
        self._statement = statement
        self._seen = 0

    def executed(self, _: Any, __: Any, sql: str, *___: Any) -> None:
        if sql.startswith(("UPDATE", "INSERT INTO")) and "INTO poyong_index" not in sql:
            self._seen += 1
            if self._seen == self._statement:
                os.kill(os.getpid(), signal.SIGKILL)

    def committed(self, _: Any) -> None:
        if self._statement == 0 and self._seen:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(rpc_url: str, database_url: str, statement: int) -> None:
    killer = Killer(statement)
    event.listen(Engine, "before_cursor_execute", killer.executed)
    event.listen(Engine, "commit", killer.committed)
    database = open_database(database_url)
    async with Client(rpc_url) as client:
        await Follower(client, database, until_head=True).run()
    database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
