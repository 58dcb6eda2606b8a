"""How a program calls a listing: the same example call in each language, ready to be run.

Tests run these against a market and pay with them, so what stands here works as it stands. What
an example holds is a seller's text: every language gets it in its own quotes.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Final

from sellers.examples import body, body_media_type, suffix
from sellers.market import leaflets
from sellers.market.goods import Good

JSON_TYPE: Final = "application/json"
_LONG: Final = 72  # characters; a longer line is broken where its language allows


@dataclass(frozen=True, slots=True)
class Call:
    """The example call of a listing, as it goes over the wire."""

    method: str
    url: str
    content_type: str
    body: str
    python_told: str  # what a stock client has to be told before it pays, if it has
    typescript_told: str

    @staticmethod
    def of(good: Good) -> Call:
        """The seller's own example, at the listing's address."""
        terms = good.terms
        content_type, content = body(terms.example_input, body_media_type(terms.input_schema))
        return Call(
            method=terms.method,
            url=good.url + suffix(terms.example_input, terms.path_parameters),
            content_type=content_type,
            body=content.decode(),
            python_told=leaflets.allowance_python(good.offers),
            typescript_told=leaflets.allowance_typescript(good.offers),
        )


@dataclass(frozen=True, slots=True)
class Snippet:
    """One tab of code."""

    key: str
    label: str
    note: str
    code: str
    then: str = ""  # what comes next, in words
    next_code: str = ""


def snippets(good: Good, mcp_url: str) -> tuple[Snippet, ...]:
    """The example call of a good in every language we know of."""
    call = Call.of(good)
    return (
        Snippet("curl", "curl", _CURL_NOTE, curl(call)),
        Snippet("python", "Python", _PYTHON_NOTE, python(call)),
        Snippet("typescript", "TypeScript", _TYPESCRIPT_NOTE, typescript(call)),
        Snippet("mcp", "MCP", _mcp_note(good), mcp(mcp_url), _MCP_THEN, mcp_call(good)),
    )


def _mcp_note(good: Good) -> str:
    allowed, told = leaflets.allowance(good.offers), leaflets.allowance_python(good.offers)
    if not allowed:
        return _MCP_NOTE
    return f"{_MCP_NOTE} {leaflets.STOCK_CLIENTS} This call needs {allowed}, in Python: {told}"


_CURL_NOTE: Final = (
    "The first line asks for the price. PAYMENT is the quote, signed, as any x402 client writes it."
)
_PYTHON_NOTE: Final = (
    "pip install 'x402[evm,requests]'. PRIVATE_KEY is the key of a wallet that holds the token; "
    "it needs no gas."
)
_TYPESCRIPT_NOTE: Final = (
    "npm install @x402/fetch @x402/evm viem. PRIVATE_KEY is the key of a wallet that holds the "
    "token; it needs no gas."
)
_MCP_NOTE: Final = (
    "For an assistant that speaks MCP: it searches, reads and quotes for free, and pays with the "
    "x402 MCP client's wallet."
)
_MCP_THEN: Final = "The example is then this tool call:"


def curl(call: Call) -> str:
    """Ask for the price, and call with a payment."""
    asked = _curl(call, "curl -i")
    paid = _curl(call, 'curl -i -H "PAYMENT-SIGNATURE: $PAYMENT"')
    return f"{asked}\n\n{paid}\n"


def _curl(call: Call, command: str) -> str:
    parts = [command]
    if call.body:
        parts.append(shlex.join(("-H", f"Content-Type: {call.content_type}")))
        parts.append(shlex.join(("--data-raw", call.body)))
    if call.method != ("POST" if call.body else "GET"):
        parts.append(shlex.join(("-X", call.method)))
    parts.append(shlex.quote(call.url))
    return _joined(parts, " \\\n  ", " ")


def python(call: Call) -> str:
    """Call and pay with the official Python package."""
    given = [repr(call.method), repr(call.url)]
    if call.body and call.content_type == JSON_TYPE:
        given.append(f"json={json.loads(call.body)!r}")
    elif call.body:
        given.append(f"data={call.body!r}.encode()")
        given.append(f'headers={{"Content-Type": {call.content_type!r}}}')
    given.append("timeout=120")
    arguments = _joined(given, ",\n        ", ", ")
    lines = f"\n        {arguments},\n    " if "\n" in arguments else arguments
    told = f"\n{call.python_told}" if call.python_told else ""
    return f"""import os

from eth_account import Account
from x402 import x402ClientSync
from x402.http.clients.requests import x402_requests
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact import register_exact_evm_client

signer = EthAccountSigner(Account.from_key(os.environ["PRIVATE_KEY"]))
client = register_exact_evm_client(x402ClientSync(), signer){told}
with x402_requests(client) as session:
    answer = session.request({lines})
print(answer.status_code, answer.text)
"""


def typescript(call: Call) -> str:
    """Call and pay with the official TypeScript package."""
    given = [f"method: {_js(call.method)}"]
    if call.body:
        given.append(f"headers: {{ {_js('Content-Type')}: {_js(call.content_type)} }}")
        given.append(f"body: {_js(call.body)}")
    options = "".join(f"  {each},\n" for each in given)
    told = f"\n  {call.typescript_told}," if call.typescript_told else ""
    return f"""import {{ ExactEvmScheme }} from "@x402/evm";
import {{ wrapFetchWithPaymentFromConfig }} from "@x402/fetch";
import {{ privateKeyToAccount }} from "viem/accounts";

const account = privateKeyToAccount(process.env.PRIVATE_KEY);
const pay = wrapFetchWithPaymentFromConfig(fetch, {{
  schemes: [{{ network: "eip155:*", client: new ExactEvmScheme(account) }}],{told}
}});
const answer = await pay({_js(call.url)}, {{
{options}}});
console.log(answer.status, await answer.text());
"""


def mcp(mcp_url: str) -> str:
    """The settings of an assistant that speaks MCP."""
    return json.dumps({"mcpServers": {"souk": {"type": "http", "url": mcp_url}}}, indent=2) + "\n"


def mcp_call(good: Good) -> str:
    """The tool call that buys the example."""
    arguments = {"path": good.path, "input": dict(good.terms.example_input)}
    written = {"name": "call_service", "arguments": arguments}
    return json.dumps(written, indent=2, ensure_ascii=False) + "\n"


def _js(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _joined(parts: list[str], broken: str, whole: str) -> str:
    """On one line where that can be read, else a part a line."""
    line = whole.join(parts)
    return line if len(line) <= _LONG and "\n" not in line else broken.join(parts)
