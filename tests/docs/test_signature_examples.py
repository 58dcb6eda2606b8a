"""The examples with which sellers check their calls take real ones, and nothing else."""

import json
import shutil
import subprocess
import time

import pytest
from yarl import URL

from marketplace.calls.forwarding import Upstream, forward
from payments.egress import open_trusted_client
from sellers.webhooks.sending import signature
from tests.docs.test_documents import blocks
from tests.fixtures.upstream import ScriptedUpstream

KEY = bytes(range(32))
BODY = b'{"city":"Oslo"}'
MARKS = {"payment": "01a1fab0", "payer": "0xf5f0", "listing": "acme/weather"}


@pytest.fixture
async def headers(upstream: ScriptedUpstream) -> dict[str, str]:
    """What a seller's endpoint received."""
    listing = Upstream(upstream.url + "/v1", "POST", {}, frozenset(), 5, 5, 5, 1_000_000)
    async with open_trusted_client(str(URL(upstream.url).origin())) as client:
        await forward(
            client,
            listing,
            path_values={},
            query=(),
            headers=(("content-type", "application/json"),),
            body=BODY,
            idempotency_key="one",
            marks=MARKS,
            signing_key=KEY,
        )
    (call,) = upstream.calls
    assert call.body == BODY
    return dict(call.headers)


def in_python(headers: dict[str, str], body: bytes, key: bytes) -> bool:
    (source,) = blocks("docs/sell.md", "python")
    example: dict = {"__name__": "example"}
    exec(source, example)
    return example["came_from_souk"](headers, body, key)


def in_node(headers: dict[str, str], body: bytes, key: bytes) -> bool:
    node = shutil.which("node")
    if node is None:
        pytest.skip("the Node example needs node: apt-get install -y nodejs")
    (source,) = blocks("docs/sell.md", "js")
    asked = json.dumps([{n.lower(): v for n, v in headers.items()}, body.decode(), key.hex()])
    source += (
        f"const [headers, body, key] = {asked};\n"
        'console.log(cameFromSouk(headers, Buffer.from(body), Buffer.from(key, "hex")));\n'
    )
    command = [node, "--input-type=module"]
    ran = subprocess.run(command, input=source, capture_output=True, text=True)
    assert ran.stderr == ""
    return ran.stdout == "true\n"


examples = pytest.mark.parametrize("example", [in_python, in_node])


@examples
def test_it_takes_a_call_of_the_marketplace(example, headers):
    assert example(headers, BODY, KEY)


@examples
@pytest.mark.parametrize("name", ["Payment", "Payer", "Listing", "Timestamp", "Signature"])
def test_it_refuses_a_call_with_a_header_changed(example, headers, name):
    forged = {**headers, f"X-Souk-{name}": headers[f"X-Souk-{name}"][:-1] + "x"}
    assert not example(forged, BODY, KEY)


@examples
def test_it_refuses_another_body_another_key_and_an_old_call(example, headers):
    assert not example(headers, BODY + b" ", KEY)
    assert not example(headers, BODY, KEY[::-1])
    assert not example({**headers, "X-Souk-Timestamp": "1700000000"}, BODY, KEY)
    assert not example({}, BODY, KEY)


def test_the_webhook_example_takes_what_is_sent_and_nothing_else() -> None:
    (source,) = blocks("docs/webhooks.md", "python")
    example: dict = {}
    exec(source, example)
    came_from_souk, now = example["came_from_souk"], int(time.time())
    header = signature(BODY, ["whsec_new", "whsec_old"], now)
    assert came_from_souk(header, BODY, "whsec_new")
    assert came_from_souk(header, BODY, "whsec_old")
    assert not came_from_souk(header, BODY, "whsec_other")
    assert not came_from_souk(header, BODY + b" ", "whsec_new")
    assert not came_from_souk(signature(BODY, ["whsec_new"], now - 301), BODY, "whsec_new")
    assert not came_from_souk("", BODY, "whsec_new")
