"""Whoever paid on a network that is sold on no more has their answer, and is not asked to pay."""

from __future__ import annotations

import json
import secrets
import signal

from marketplace.embedded.ports import free_port
from tests.end_to_end.test_proof_of_buying import ANSWER, purchase
from tests.fixtures.cast import Cast
from tests.fixtures.purchases import NETWORK
from tests.fixtures.stack import Stack, answers
from tests.fixtures.wallet import ask, pack

OTHER = "eip155:8453"
STOP_SECONDS = 60


def test_a_payment_on_a_network_that_was_given_up_is_no_reason_for_a_quote(
    stack: Stack, cast: type[Cast]
) -> None:
    name = secrets.token_urlsafe(24)
    bought = purchase(stack, cast.buyer, name=name)
    chains = json.loads(stack.environment["CHAINS"])
    port = free_port()
    door = stack.start_web_as(port, CHAINS=json.dumps({OTHER: chains[NETWORK]}))
    try:
        stack.wait_until(lambda: answers(port), f"the door on {port}")
        url = bought.sold.url.replace(f":{stack.ports[0]}/", f":{port}/")
        shown = {"PAYMENT-SIGNATURE": pack({**bought.payload, "extensions": {}})}
        stranger = ask(url, headers=shown)
        buyer = ask(url, headers={"PAYMENT-SIGNATURE": pack(bought.payload)})
    finally:
        door.send_signal(signal.SIGTERM)
        door.wait(STOP_SECONDS)

    assert (stranger.status, stranger.json["error"]) == (409, "already_used")
    assert (buyer.status, buyer.body) == (200, ANSWER)
    assert len(bought.sold.calls) == 1
