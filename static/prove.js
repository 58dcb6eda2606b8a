// Proving a payout wallet with a wallet of this browser: one text, one signature, one form sent.
// Without this script the same form is filled in by hand.

import { post } from "./post.js";
import { signWith } from "./signing.js";
import { discover } from "./wallet.js";

const place = document.getElementById("prove");

async function start() {
  const wallets = await discover();
  if (!wallets.length) return;
  const row = place.querySelector("[data-wallet]");
  const first = row.querySelector("[data-sign]");
  for (const [number, wallet] of wallets.entries()) {
    const button = number ? first.cloneNode(true) : first;
    button.textContent = `Sign with ${wallet.name}`;
    button.addEventListener("click", () => prove(wallet, row, button));
    if (number) first.parentNode.insertBefore(button, row.querySelector("[data-said]"));
  }
  row.hidden = false;
}

function prove(wallet, row, pressed) {
  const said = row.querySelector("[data-said]");
  return signWith(wallet, {
    buttons: row.querySelectorAll("[data-sign]"),
    pressed,
    say: (words, tone) => {
      said.className = tone === "bad" ? "errors" : "hint";
      said.textContent = words;
    },
    ask: question,
    send: (proof) => {
      const form = place.querySelector("[data-proof]");
      for (const [name, value] of Object.entries(proof)) form.elements[name].value = value;
      form.submit();
    },
  });
}

// A contract is proven on the chain it stands on, which is where its wallet is.
async function question(address, chain) {
  const asked = new FormData(place.querySelector("form"));
  asked.set("address", address);
  if (chain) asked.set("network", `eip155:${chain}`);
  return (await post(place.dataset.ask, asked)).text;
}

if (place) start();
