"""What a person sees who opens a listing's address in a browser: the price, and how to pay it."""

from __future__ import annotations

import shlex
from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Final

from marketplace.calls.shelf import Shelved
from payments.acceptance import Offer
from payments.amounts import Amount
from payments.x402.networks import NETWORKS
from sellers.examples import body, body_media_type, suffix

JSON_TYPE: Final = "application/json"

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d1b17; --soft: #625d54; --line: #e2ddd4;
  --paper: #fbfaf8; --card: #fff; --accent: #8a4b08; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #efece6; --soft: #a8a296; --line: #37342e; --paper: #161513; --card: #1f1e1b;
    --accent: #f0b15c; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 24px 16px; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  overflow-wrap: anywhere; }
main { max-width: 848px; margin: 0 auto; padding: 20px; border: 1px solid var(--line);
  border-radius: 8px; background: var(--card); }
h1 { margin: 0 0 8px; font-size: 1.25rem; line-height: 1.3; }
h2 { margin: 28px 0 8px; font-size: 1rem; }
p, ul { margin: 8px 0; }
ul { padding: 0; list-style: none; }
pre { margin: 8px 0; padding: 12px 16px; border: 1px solid var(--line); border-radius: 8px;
  background: var(--paper); white-space: pre-wrap; }
pre, code { font: .875rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
a { display: inline-block; padding: 10px 0; color: var(--accent); text-underline-offset: .2em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
.soft { color: var(--soft); }
.number { font-variant-numeric: tabular-nums; }
.badge { display: inline-block; padding: 1px 10px; border: 1px dashed var(--line);
  border-radius: 999px; color: var(--soft); font-size: .875rem; }
"""
_STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY: Final = "; ".join(
    (
        "sandbox",
        "default-src 'none'",
        "img-src data:",  # the empty icon, which spares a request for one
        f"style-src 'sha256-{_STYLE_HASH}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def render(shelved: Shelved) -> str:
    """Write the page; everything a seller wrote is text in it and nothing else."""
    terms, url = shelved.terms, escape(shelved.url)
    prices = "".join(f"<li>{_price(offer)}</li>" for offer in shelved.offers)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(terms.title)}: payment required</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{escape(terms.title)}</h1>
<p>{escape(terms.description)}</p>
<p class="soft">Each call of this service is paid for by itself, without an account. Nothing has
been charged.</p>
<h2>Price of one call</h2>
<ul>{prices}</ul>
<p><a href="{url}?demo=true">See a sample answer, free</a></p>
<h2>Pay from a terminal</h2>
<p>Any x402 client pays here; it reads the quote from the <code>PAYMENT-REQUIRED</code> header:</p>
<pre>curl -i {url}</pre>
<p>In a checkout of Souk:</p>
<pre>{escape(_buying(shelved))}</pre>
{_older_clients(shelved)}</main>
</body>
</html>
"""


def _price(offer: Offer) -> str:
    """Say a price as people read it: dollars, token, network."""
    wanted = offer.requirements
    amount = Amount.of(wanted.network, wanted.asset, wanted.amount_atomic)
    network = NETWORKS[wanted.network]
    where = f"{network.name}, test network" if network.testnet else network.name
    return (
        f'<span class="number">{escape(amount.dollars)} <span class="soft">{escape(amount.text)}'
        f'</span></span> <span class="badge">{escape(where)}</span>'
    )


def _older_clients(shelved: Shelved) -> str:
    """Say where programs of the protocol's first version ask and pay, if they can pay here."""
    if not shelved.challenge_v1.accepts:
        return ""
    url = escape(shelved.challenge_v1.url)
    return f"""<h2>Older clients</h2>
<p>Programs that speak version 1 of x402 only (<code>X-PAYMENT</code>) ask and pay here:</p>
<pre>{url}</pre>
"""


def _buying(shelved: Shelved) -> str:
    """Write the command that buys the seller's own example."""
    terms = shelved.terms
    example = terms.example_input
    content_type, content = body(example, body_media_type(terms.input_schema))
    command = ["python3", "manage.py", "buy", shelved.url + suffix(example, terms.path_parameters)]
    if content:
        command += ["--json" if content_type == JSON_TYPE else "--data", content.decode()]
    if terms.method != ("POST" if content else "GET"):
        command += ["--method", terms.method]
    return shlex.join(command)
