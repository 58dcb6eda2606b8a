// Paying for one call: from the page a browser is shown with a 402, and from a listing's page.
//
// What was signed is kept in this tab until its outcome is known: an answer that did not come is
// asked for again with the same signature, never with a second one.

import { shown } from "./answer.js";
import { callOf } from "./call_form.js";
import { make } from "./elements.js";
import { forget, keep, kept } from "./kept.js";
import { outcomeOf } from "./outcome.js";
import { act, button, inRow } from "./pay_buttons.js";
import { facts, form, part, room, say, showSpent, step } from "./pay_room.js";
import { authorizationOf, chainIdOf, endOf, headerOf, typedData } from "./promise.js";
import { amountOf, askAgain, costIn, notNow, showTerms } from "./terms.js";
import { connect, discover, ensureChain, signTypedData } from "./wallet.js";

start();

async function start() {
  if (!form) typedInAddress();
  room.hidden = false;
  showSpent();
  offerKept();
  if (form) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      act(() => quote());
    });
    form.addEventListener("input", startOver);
    for (const control of form.querySelectorAll("[data-scripted]")) control.hidden = false;
    return;
  }
  const wallets = await discover();
  if (!wallets.length) {
    part("wallets").replaceChildren(
      make("p", "No wallet was found in this browser. Open this page in one that has a wallet, or pay from a terminal.", "soft"),
    );
    return;
  }
  part("wallets").replaceChildren(
    ...wallets.map((wallet) => button(`Pay with ${wallet.name}`, () => quote(wallet))),
  );
}

function typedInAddress() {
  const typed = location.pathname.slice(facts.path.length) + location.search;
  if (typed && facts.method === "GET") part("tail").value = typed;
}

function startOver() {
  part("url").textContent = addressOrNothing();
  if (kept()) return;
  part("terms").replaceChildren();
  step("price");
  say("");
}

function addressOrNothing() {
  try {
    return new URL(typedCall().url, location.origin).href;
  } catch {
    return part("url").textContent;
  }
}

// 1 The price, said in words before the wallet opens

async function quote(wallet) {
  if (kept()) {
    offerKept();
    return;
  }
  const call = typedCall();
  say("Asking for the price…");
  part("answer").replaceChildren();
  const { challenge, now } = await priceOf(call);
  const offers = (challenge.accepts ?? []).filter((offer) => facts.networks[offer.network] && offer.scheme === "exact");
  if (!offers.length) throw new Error("None of the prices can be paid from a browser's wallet.");
  const wallets = wallet ? [] : await discover();
  const address = wallet && (await connect(wallet));
  say("");
  step("terms");
  const purchase = { wallet, wallets, address, call, challenge, now };
  showTerms(offers, { address, waysFor: (offer) => waysToPay(offer, purchase) });
}

async function priceOf(call) {
  const response = await fetch(call.url, {
    method: call.method,
    headers: { Accept: "application/json", ...contentType(call) },
    body: call.body,
    cache: "no-store",
  }).catch(() => {
    throw new Error("No price arrived. Nothing was charged; please try again.");
  });
  const said = await response.json().catch(() => ({}));
  if (response.status !== 402) throw new Error(said.detail ?? `The call was answered with ${response.status}. Nothing was charged.`);
  const dated = Date.parse(response.headers.get("Date") ?? "");
  return { challenge: said, now: Math.floor((dated || Date.now()) / 1000) };
}

function waysToPay(offer, purchase) {
  if (purchase.wallet) {
    return [button(`Sign in ${purchase.wallet.name}`, () => askAgain(offer, () => pay(offer, purchase)))];
  }
  const ways = purchase.wallets.map((wallet) => wayToPay(offer, purchase, wallet.name, () => wallet));
  if (facts.demo?.network === offer.network) {
    ways.push(wayToPay(offer, purchase, "the demo wallet", demoWallet));
  }
  return ways;
}

function wayToPay(offer, purchase, name, open) {
  const go = async () => {
    const wallet = await open();
    say(`Opening ${name}…`);
    const address = await connect(wallet);
    await pay(offer, { ...purchase, wallet, address });
  };
  return button(name === "the demo wallet" ? "Use the demo wallet" : `Pay with ${name}`, () => askAgain(offer, go));
}

async function demoWallet() {
  const made = await import("./demo_wallet.js").catch(() => {
    throw new Error("The demo wallet did not load. Load the page again.");
  });
  return made.demoWallet(facts.demo);
}

// 2 The signature, and the call that carries it

async function pay(offer, { wallet, address, call, challenge, now }) {
  const { name, node } = facts.networks[offer.network];
  step("payment");
  await ensureChain(wallet, { id: chainIdOf(offer), name, node });
  const authorization = authorizationOf(offer, address, now);
  say(`Waiting for your signature in ${wallet.name}…`);
  const signature = await signTypedData(wallet, address, typedData(offer, authorization));
  keep({
    call,
    amount: amountOf(offer),
    cost: String(costIn(offer) ?? 0n),
    until: endOf(offer, now),
    header: headerOf(challenge, offer, { signature, authorization }),
  });
  await send();
}

async function send() {
  const signed = kept();
  if (!signed) {
    forget();
    notNow();
    throw new Error("What you signed can no longer be taken. Your wallet shows whether it was before.");
  }
  const { call, header, amount } = signed;
  part("answer").replaceChildren();
  part("terms").replaceChildren();
  step("payment");
  say(`Sent. Waiting for the answer, and for ${amount} to move…`);
  const sent = performance.now();
  let response;
  try {
    response = await fetch(call.url, {
      method: call.method,
      headers: { "PAYMENT-SIGNATURE": header, ...contentType(call) },
      body: call.body,
      cache: "no-store",
    });
  } catch {
    offerKept("No answer arrived. Nothing is lost: ask again with what you signed.");
    return;
  }
  await tell(response, amount, ((performance.now() - sent) / 1000).toFixed(1));
}

// 3 What became of it

async function tell(response, amount, seconds) {
  const receipt = receiptOf(response);
  const charged = response.headers.get("X-Payment-Charged") ?? "";
  const untaken = `What you signed ends by itself at ${clockTime(kept()?.until)}.`;
  if (response.ok) {
    try {
      await show(response, receipt);
    } catch {
      offerKept("The answer broke off. Nothing is lost: ask again with what you signed.");
      return;
    }
    forget();
    step("answer");
    say(`Paid ${amount}. Here is the answer, after ${seconds} s.`, "good");
    return;
  }
  if (charged) {
    const free = charged.startsWith("no");
    forget({ free });
    step("answer");
    say(free ? `The seller gave no good answer. Nothing was charged. ${untaken}` : "The payment was taken and no answer came: a refund is due.", "bad");
    await show(response, receipt).catch(() => showAlone(receipt));
    return;
  }
  const { fate, words } = outcomeOf(response.status, await response.json().catch(() => ({})));
  if (fate === "open") {
    offerKept(words);
  } else {
    forget({ free: fate === "free" });
    step(fate === "free" ? "price" : "answer");
    say(words, "bad");
  }
  showAlone(receipt);
}

async function show(response, receipt) {
  const parts = await shown(response, { whole: Boolean(form) });
  if (receipt) parts.push(receipt);
  part("answer").replaceChildren(...parts);
}

function showAlone(receipt) {
  if (receipt) part("answer").replaceChildren(receipt);
}

function receiptOf(response) {
  const payment = response.headers.get("X-Souk-Payment");
  if (!payment) return null;
  const link = make("a", "See the payment and its receipt");
  link.href = facts.payments + encodeURIComponent(payment);
  return link;
}

function clockTime(unix) {
  return unix ? new Date(unix * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) : "its time";
}

// What was signed and has no outcome yet

function offerKept(words = "You signed a payment here and have not seen its outcome.") {
  const signed = kept();
  if (!signed) return;
  say(words);
  const again = button(`Ask again with the ${signed.amount} you signed`, send);
  part("terms").replaceChildren(inRow([again, button("Forget it", () => { forget(); notNow(); }, "quiet")]));
}

// The call as it is typed

function typedCall() {
  if (form) return callOf(form, facts);
  const url = facts.path + part("tail").value.trim();
  const body = part("body")?.value;
  return { url, method: facts.method, body: body || undefined };
}

function contentType(call) {
  return call.body ? { "Content-Type": facts.contentType } : {};
}
