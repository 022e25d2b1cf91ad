"""The messages of an import on a running chain: signed, sent, final, and named when they fail."""

from pathlib import Path

import pytest

from api import calls
from api.sync_client import SyncClient
from ledger.errors import LocalError
from ledger.primitives import MAX_AMOUNT
from ledger.transfers import SEND
from node.cli.import_messages import MAX_MESSAGES, Sending, hand_over
from node.importers.messages import Message
from tests.support.running_nodes import PAYEE
from tests.support.town_processes import ProcessTown, process_town

LOCAL_ACCOUNT = 4


def sending(url: str) -> Sending:
    return Sending(
        key=None,
        password_file=None,
        local=LOCAL_ACCOUNT,
        sender=None,
        nonce=None,
        chain_id=None,
        valid_until=None,
        out=None,
        rpc_url=url,
        home=None,
    )


def test_each_message_becomes_final_and_one_without_effect_is_named_by_its_line(
    tmp_path: Path,
) -> None:
    messages: list[Message] = [
        (2, SEND.name, (PAYEE, 5, b"")),
        (3, SEND.name, (PAYEE, MAX_AMOUNT, b"")),
        (4, SEND.name, (PAYEE, 7, b"")),
    ]
    with process_town(tmp_path, validators=1, observer=False) as town:
        (name,) = town.validators
        town.start(name)
        town.wait_ready(name)
        before = balance(town, name)
        outcome = hand_over(messages, sending(town.rpc(name)))
        assert outcome["final"] == 2
        ((line, reason),) = [(row["line"], row["reason"]) for row in outcome["failed"]]
        assert line == 3
        assert str(MAX_AMOUNT) in reason
        assert balance(town, name) == before + 12


def balance(town: ProcessTown, name: str) -> int:
    with SyncClient(town.rpc(name)) as client:
        return int(client.call(calls.get_account(PAYEE))["balance"])


def test_more_messages_than_a_node_holds_are_refused_before_anything_is_sent() -> None:
    many: list[Message] = [(2, SEND.name, (PAYEE, 1, b""))] * (MAX_MESSAGES + 1)
    with pytest.raises(LocalError, match="split the file"):
        hand_over(many, sending("http://127.0.0.1:9"))
