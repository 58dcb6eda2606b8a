// Proving a payout wallet with a wallet of this browser: one text, one signature, one form sent.
// Without this script the same form is filled in by hand.

import { chainOf, connect, discover, signMessage } from "./wallet.js";

const place = document.getElementById("prove");

async function start() {
  const wallets = await discover();
  if (!wallets.length) return;
  const row = place.querySelector("[data-wallet]");
  const first = row.querySelector("[data-sign]");
  for (const [number, wallet] of wallets.entries()) {
    const button = number ? first.cloneNode(true) : first;
    button.textContent = `Sign with ${wallet.name}`;
    button.addEventListener("click", () => prove(wallet, row));
    if (number) first.parentNode.insertBefore(button, row.querySelector("[data-said]"));
  }
  row.hidden = false;
}

async function prove(wallet, row) {
  const said = row.querySelector("[data-said]");
  const buttons = row.querySelectorAll("[data-sign]");
  for (const button of buttons) button.disabled = true;
  try {
    said.textContent = "Choose the account in your wallet…";
    const address = await connect(wallet);
    const text = await question(address, await chainOf(wallet));
    said.textContent = "Your wallet shows a text to sign. It moves no money.";
    const signature = await signMessage(wallet, address, text);
    const form = place.querySelector("[data-proof]");
    form.elements.address.value = address;
    form.elements.text.value = text;
    form.elements.signature.value = signature;
    said.textContent = "Signed. One moment…";
    form.submit();
  } catch (error) {
    said.textContent = error.message;
    for (const button of buttons) button.disabled = false;
  }
}

// A contract is proven on the chain it stands on, which is where its wallet is.
async function question(address, chain) {
  const asked = new FormData(place.querySelector("form"));
  asked.set("address", address);
  if (chain) asked.set("network", `eip155:${chain}`);
  const answer = await fetch(place.dataset.ask, { method: "POST", body: asked });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said.text;
}

if (place) start();
