"""What a person sees who opens a listing's address in a browser: the price, and how to pay it."""

from __future__ import annotations

import json
import shlex
from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from marketplace.calls import browsers
from marketplace.calls.shelf import Shelved
from payments.acceptance.promise import Offer
from payments.amounts import Amount, grouped
from payments.x402.networks import NETWORKS
from sellers.examples import body, body_media_type, buying, suffix

_SCRIPTS: Final = f"{settings.PUBLIC_BASE_URL}{settings.STATIC_URL}"  # doors serve none themselves

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d1b17; --soft: #625d54; --line: #e2ddd4;
  --paper: #fbfaf8; --card: #fff; --accent: #8a4b08; --on-accent: #fff; --edge: #857e72;
  --good: #1b6b3a; --bad: #a32424; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #efece6; --soft: #a8a296; --line: #37342e; --paper: #161513; --card: #1f1e1b;
    --accent: #f0b15c; --on-accent: #241503; --edge: #7d776c; --good: #6fcf95; --bad: #f28b82; }
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
#pay-terms, #pay-answer { margin-top: 16px; }
[hidden] { display: none !important; }
label { display: block; margin: 12px 0 4px; font-size: .875rem; }
input, textarea, select { width: 100%; min-height: 44px; padding: 10px 12px; color: inherit;
  border: 1px solid var(--edge); border-radius: 8px; background: var(--paper);
  font: .875rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
textarea { min-height: 108px; resize: vertical; }
button { min-height: 44px; margin: 12px 8px 0 0; padding: 10px 20px; border-radius: 8px;
  border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent);
  font: inherit; font-weight: 600; cursor: pointer; }
button.quiet { border-color: var(--edge); background: none; color: inherit; }
button:disabled { opacity: .5; cursor: default; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 12px 0; }
dt { color: var(--soft); }
dd { margin: 0; }
dd code { font-size: .875rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
img { max-width: 100%; height: auto; }
@media (max-width: 480px) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 8px; } }
.badge { display: inline-block; padding: 1px 10px; border: 1px dashed var(--line);
  border-radius: 999px; color: var(--soft); font-size: .875rem; }
"""
_STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"script-src {_SCRIPTS}",
        "connect-src 'self'",  # where the call goes that is paid for
        "img-src data: blob:",  # the empty icon, and an answer that is a picture
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
{_more(shelved)}{_wallet(shelved)}<h2>Pay from a terminal</h2>
<p>Any x402 client pays here; it reads the quote from the <code>PAYMENT-REQUIRED</code> header:</p>
<pre>curl -i {url}</pre>
<p>In a checkout of Souk:</p>
<pre>{escape(_buying(shelved))}</pre>
{_older_clients(shelved)}</main>
</body>
</html>
"""


def _more(shelved: Shelved) -> str:
    """Lead to the listing's own page; what is only being tried out has none."""
    if urlsplit(shelved.url).path != f"/call/{shelved.path}":
        return ""
    href = escape(f"{settings.PUBLIC_BASE_URL}/l/{shelved.path}")
    there = "its code, and a demo wallet to pay with" if settings.DEMO_CHAIN_RPC else "and its code"
    return f'<p><a href="{href}">More about it, {there}</a></p>\n'


def _price(offer: Offer) -> str:
    """Say a price as people read it: dollars, token, network."""
    wanted = offer.requirements
    amount = Amount.of(wanted.network, wanted.asset, wanted.amount_atomic)
    network = NETWORKS[wanted.network]
    where = f"{network.name}, test network" if network.testnet else network.name
    return (
        f'<span class="number">{escape(grouped(amount.dollars))} <span class="soft">'
        f'{escape(grouped(amount.text))}</span></span> <span class="badge">{escape(where)}</span>'
    )


def _wallet(shelved: Shelved) -> str:
    """What `pay.js` makes a form of: the call, and how the quote's tokens are written."""
    terms = shelved.terms
    _, content = body(terms.example_input, body_media_type(terms.input_schema))
    tail = suffix(terms.example_input, terms.path_parameters)
    facts = browsers.facts(terms, shelved.url, shelved.offers)
    typed = ""
    if content:
        typed = f"""<label for="pay-body">Body to send</label>
<textarea id="pay-body" spellcheck="false">{escape(content.decode())}</textarea>
"""
    return f"""<section id="pay" data-facts="{escape(json.dumps(facts))}" hidden>
<h2>Pay from this browser</h2>
<label for="pay-tail">What to ask: path and query after the address</label>
<input id="pay-tail" value="{escape(tail)}" placeholder="nothing more is needed" autocomplete="off"
 autocapitalize="off" spellcheck="false">
{typed}<div id="pay-wallets"></div>
<div id="pay-terms"></div>
<p id="pay-status" role="status"></p>
<div id="pay-answer"></div>
</section>
<noscript><p class="soft">Paying from a browser's wallet needs JavaScript.</p></noscript>
<script type="module" src="{escape(_SCRIPTS)}built/pay.js"></script>
"""


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
    return shlex.join(["python3", "manage.py", "buy", *buying(shelved.url, shelved.terms)])
