// Paying for one call: from the page a browser is shown with a 402, and from a listing's page.
//
// What was signed is kept in this tab until its outcome is known: an answer that did not come is
// asked for again with the same signature, never with a second one.

import { shown } from "./answer.js";
import { callOf } from "./call_form.js";
import { make } from "./elements.js";
import { outcomeOf } from "./outcome.js";
import { ASK_ABOVE, cap, capFor, costOf, count, dollars, raiseFor, spent } from "./spending.js";
import { Cancelled, connect, discover, ensureChain, hex, signTypedData } from "./wallet.js";

const CLOCK_SKEW_SECONDS = 600; // as far back as the official clients date an authorization
const TERMS = [
  { name: "from", type: "address" },
  { name: "to", type: "address" },
  { name: "value", type: "uint256" },
  { name: "validAfter", type: "uint256" },
  { name: "validBefore", type: "uint256" },
  { name: "nonce", type: "bytes32" },
];
const DOMAIN = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
];
const STEPS = { price: 0, terms: 1, payment: 2, answer: 3 };

const room = document.getElementById("pay");
const facts = JSON.parse(room.dataset.facts);
const part = (name) => document.getElementById(`pay-${name}`);
const form = part("form"); // where the listing's own form is: on its page
const KEPT = `souk-pay ${facts.path}`;

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
  const call = typedCall();
  say("Asking for the price…");
  part("answer").replaceChildren();
  const { challenge, now } = await priceOf(call);
  const offers = challenge.accepts.filter((offer) => facts.networks[offer.network] && offer.scheme === "exact");
  if (!offers.length) throw new Error("None of the prices can be paid from a browser's wallet.");
  const wallets = wallet ? [] : await discover();
  const address = wallet && (await connect(wallet));
  say("");
  step("terms");
  showTerms(offers, 0, { wallet, wallets, address, call, challenge, now });
}

async function priceOf(call) {
  const response = await fetch(call.url, {
    method: call.method,
    headers: { Accept: "application/json", ...contentType(call) },
    body: call.body,
    cache: "no-store",
  });
  const said = await response.json().catch(() => ({}));
  if (response.status !== 402) throw new Error(said.detail ?? `The call was answered with ${response.status}. Nothing was charged.`);
  const dated = Date.parse(response.headers.get("Date") ?? "");
  return { challenge: said, now: Math.floor((dated || Date.now()) / 1000) };
}

function showTerms(offers, chosen, purchase) {
  const offer = offers[chosen];
  const network = facts.networks[offer.network];
  const rows = [
    ["You pay", `${inDollars(offer)}, once, for this call`],
    ["To", code(offer.payTo)],
    ...(purchase.address ? [["From", code(purchase.address)]] : []),
    ["Network", network.testnet ? `${network.name}, test network: its money is worth nothing` : network.name],
    ["Token", code(offer.asset)],
    ["Ends", `${Math.round(offer.maxTimeoutSeconds / 60)} minutes after you sign`],
  ];
  const list = make("dl");
  for (const [term, meaning] of rows) list.append(make("dt", term), make("dd", meaning));
  const ways = waysToPay(offer, purchase);
  const buttons = [...ways, button("Not now", notNow, "quiet")];
  const parts = [
    make("p", `You are about to sign a promise of exactly this amount; you cannot lose more. ${takenWhen(offer)}`),
    list,
    ...(ways.length ? [] : [make("p", "No wallet was found in this browser. Open this page in one that has a wallet, or call from a program: the code is below.", "soft")]),
    inRow(buttons),
  ];
  if (offers.length > 1) parts.unshift(choice(offers, chosen, purchase));
  part("terms").replaceChildren(...parts);
  buttons[0].focus();
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
  const made = await import("./demo_wallet.js");
  return made.demoWallet(facts.demo);
}

function takenWhen(offer) {
  return offer.extra.paymentFlow === "upfront"
    ? "It is taken before the work begins; if no answer comes, a refund is due to you."
    : "It is taken only when a good answer is there.";
}

function choice(offers, chosen, purchase) {
  const list = make("select");
  list.setAttribute("aria-label", "How to pay");
  offers.forEach((offer, place) => {
    list.append(new Option(`${amountOf(offer)} on ${facts.networks[offer.network].name}`, place, false, place === chosen));
  });
  list.addEventListener("change", () => showTerms(offers, Number(list.value), purchase));
  return list;
}

function notNow() {
  part("terms").replaceChildren();
  step("price");
  say("");
}

// What costs much is asked for twice, and a tab spends only so much.

async function askAgain(offer, go) {
  const cost = costOf(offer, tokenOf(offer));
  if (cost === null) return go();
  if (spent() + cost > cap()) {
    question(
      `This tab has spent ${dollars(spent())}, and may spend ${dollars(cap())}. This call costs ${dollars(cost)}.`,
      `Let it spend up to ${dollars(capFor(cost))}, and pay`,
      () => {
        raiseFor(cost);
        showSpent();
        return go();
      },
    );
    return undefined;
  }
  if (cost <= ASK_ABOVE) return go();
  question(`This is more than ${dollars(ASK_ABOVE)}. Pay ${amountOf(offer)} for this one call?`, `Yes, pay ${amountOf(offer)}`, go);
  return undefined;
}

function question(words, yes, go) {
  const asked = make("p", words);
  asked.tabIndex = -1;
  part("terms").replaceChildren(asked, inRow([button(yes, go), button("No", notNow, "quiet")]));
  asked.focus();
}

function showSpent() {
  if (part("spent")) part("spent").textContent = `Spent in this tab: ${dollars(spent())} of ${dollars(cap())} at most.`;
}

// 2 The signature, and the call that carries it

async function pay(offer, { wallet, address, call, challenge, now }) {
  const [, chainId] = offer.network.split(":");
  step("payment");
  const { name, node } = facts.networks[offer.network];
  await ensureChain(wallet, { id: chainId, name, node });
  const authorization = {
    from: address,
    to: offer.payTo,
    value: offer.amount,
    validAfter: String(now - CLOCK_SKEW_SECONDS),
    validBefore: String(now + offer.maxTimeoutSeconds),
    nonce: hex(crypto.getRandomValues(new Uint8Array(32))),
  };
  say(`Waiting for your signature in ${wallet.name}…`);
  const signature = await signTypedData(wallet, address, {
    types: { EIP712Domain: DOMAIN, TransferWithAuthorization: TERMS },
    domain: { name: offer.extra.name, version: offer.extra.version, chainId: Number(chainId), verifyingContract: offer.asset },
    primaryType: "TransferWithAuthorization",
    message: authorization,
  });
  const identifier = `pay_${hex(crypto.getRandomValues(new Uint8Array(16))).slice(2)}`;
  const cost = costOf(offer, tokenOf(offer)) ?? 0n;
  count(cost);
  keep({
    call,
    amount: amountOf(offer),
    cost: String(cost),
    until: now + offer.maxTimeoutSeconds,
    header: base64({
      x402Version: 2,
      resource: challenge.resource,
      accepted: offer,
      payload: { signature, authorization },
      extensions: { "payment-identifier": { info: { required: false, id: identifier } } },
    }),
  });
  await send();
}

async function send() {
  const { call, header, amount } = kept();
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
    await show(response, receipt);
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
  if (receipt) part("answer").replaceChildren(receipt);
}

async function show(response, receipt) {
  const parts = await shown(response, { whole: Boolean(form) });
  if (receipt) parts.push(receipt);
  part("answer").replaceChildren(...parts);
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

function keep(signed) {
  sessionStorage.setItem(KEPT, JSON.stringify(signed));
  showSpent();
}

function kept() {
  const signed = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  return signed && signed.until > Date.now() / 1000 - CLOCK_SKEW_SECONDS ? signed : null;
}

function forget({ free = false } = {}) {
  if (free) count(-BigInt(kept()?.cost ?? 0));
  sessionStorage.removeItem(KEPT);
  showSpent();
}

function offerKept(words = "You signed a payment here and have not seen its outcome.") {
  const signed = kept();
  if (!signed) return;
  say(words);
  const again = button(`Ask again with the ${signed.amount} you signed`, send);
  part("terms").replaceChildren(inRow([again, button("Forget it", () => { forget(); notNow(); }, "quiet")]));
}

// Small parts

function typedCall() {
  if (form) return callOf(form, facts);
  const url = facts.path + part("tail").value.trim();
  const body = part("body")?.value;
  return { url, method: facts.method, body: body || undefined };
}

function contentType(call) {
  return call.body ? { "Content-Type": facts.contentType } : {};
}

function tokenOf(offer) {
  return facts.networks[offer.network].tokens[offer.asset];
}

function amountOf(offer) {
  const token = tokenOf(offer);
  if (!token) return `${offer.amount} units of ${offer.asset}`;
  const digits = offer.amount.padStart(token.decimals + 1, "0");
  const whole = digits.slice(0, digits.length - token.decimals);
  const fraction = digits.slice(digits.length - token.decimals).replace(/0+$/, "");
  return `${fraction ? `${whole}.${fraction}` : whole} ${token.symbol}`;
}

function inDollars(offer) {
  const cost = costOf(offer, tokenOf(offer));
  return cost > 0n ? `${dollars(cost)} (${amountOf(offer)})` : amountOf(offer);
}

function inRow(buttons) {
  const row = make("div", "", "row");
  row.append(...buttons);
  return row;
}

function base64(value) {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function step(name) {
  part("steps")?.querySelectorAll("li").forEach((one, place) => {
    one.classList.toggle("done", place < STEPS[name]);
    if (place === STEPS[name]) one.firstElementChild.setAttribute("aria-current", "step");
    else one.firstElementChild.removeAttribute("aria-current");
  });
}

function say(words, tone = "") {
  part("status").textContent = words;
  part("status").className = tone;
}

function code(text) {
  return make("code", text);
}

function button(words, go, look = "") {
  const made = make("button", words, form ? `button ${look}`.trim() : look);
  made.type = "button";
  made.addEventListener("click", () => act(go));
  return made;
}

async function act(go) {
  const controls = [...room.querySelectorAll("button, input, textarea, select")].filter((control) => !control.disabled);
  const focused = document.activeElement;
  controls.forEach((control) => { control.disabled = true; });
  try {
    await go();
  } catch (error) {
    say(error.message, error instanceof Cancelled ? "" : "bad");
    if (!kept()) step(part("terms").childElementCount ? "terms" : "price"); // as it was, input kept
  } finally {
    controls.forEach((control) => { control.disabled = false; });
    if (document.activeElement === document.body && focused?.isConnected) focused.focus();
  }
}
