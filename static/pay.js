// Paying for one call from the page a browser is shown with a 402.
//
// What was signed is kept in this tab until its outcome is known: an answer that did not come is
// asked for again with the same signature, never with a second one.

import { Cancelled, connect, discover, ensureChain, hex, signTypedData } from "./wallet.js";

const CLOCK_SKEW_SECONDS = 600; // as far back as the official clients date an authorization
const SHOWN_CHARACTERS_MAX = 100_000;
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

const room = document.getElementById("pay");
const facts = JSON.parse(room.dataset.facts);
const part = (name) => document.getElementById(`pay-${name}`);
const KEPT = `souk-pay ${facts.path}`;

start();

async function start() {
  const typed = location.pathname.slice(facts.path.length) + location.search;
  if (typed && facts.method === "GET") part("tail").value = typed;
  room.hidden = false;
  offerKept();
  const wallets = await discover();
  if (!wallets.length) {
    part("wallets").replaceChildren(
      element("p", "No wallet was found in this browser. Open this page in one that has a wallet, or pay from a terminal.", "soft"),
    );
    return;
  }
  part("wallets").replaceChildren(
    ...wallets.map((wallet) => button(`Pay with ${wallet.name}`, () => quote(wallet))),
  );
}

// 1 The price, said in words before the wallet opens

async function quote(wallet) {
  const call = typedCall();
  say("Asking for the price…");
  const { challenge, now } = await priceOf(call);
  const offers = challenge.accepts.filter((offer) => facts.networks[offer.network] && offer.scheme === "exact");
  if (!offers.length) throw new Error("None of the prices can be paid from a browser's wallet.");
  const address = await connect(wallet);
  say("");
  showTerms(offers, 0, { wallet, address, call, challenge, now });
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
    ["You pay", `${amountOf(offer)}, once, for this call`],
    ["To", code(offer.payTo)],
    ["From", code(purchase.address)],
    ["Network", network.testnet ? `${network.name}, test network: its money is worth nothing` : network.name],
    ["Token", code(offer.asset)],
    ["Ends", `${Math.round(offer.maxTimeoutSeconds / 60)} minutes after you sign`],
  ];
  const list = element("dl");
  for (const [term, meaning] of rows) list.append(element("dt", term), element("dd", meaning));
  const parts = [
    element("p", `You are about to sign a promise of exactly this amount; you cannot lose more. ${takenWhen(offer)}`),
    list,
    button(`Sign in ${purchase.wallet.name}`, () => pay(offer, purchase)),
    button("Not now", () => part("terms").replaceChildren(), "quiet"),
  ];
  if (offers.length > 1) parts.unshift(choice(offers, chosen, purchase));
  part("terms").replaceChildren(...parts);
  parts.at(-2).focus();
}

function takenWhen(offer) {
  return offer.extra.paymentFlow === "upfront"
    ? "It is taken before the work begins; if no answer comes, a refund is due to you."
    : "It is taken only when a good answer is there.";
}

function choice(offers, chosen, purchase) {
  const list = element("select");
  list.setAttribute("aria-label", "How to pay");
  offers.forEach((offer, place) => {
    list.append(new Option(`${amountOf(offer)} on ${facts.networks[offer.network].name}`, place, false, place === chosen));
  });
  list.addEventListener("change", () => showTerms(offers, Number(list.value), purchase));
  return list;
}

// 2 The signature, and the call that carries it

async function pay(offer, { wallet, address, call, challenge, now }) {
  const [, chainId] = offer.network.split(":");
  await ensureChain(wallet, { id: chainId, name: facts.networks[offer.network].name });
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
  keep({
    call,
    amount: amountOf(offer),
    until: now + offer.maxTimeoutSeconds,
    header: base64({
      x402Version: 2,
      resource: challenge.resource,
      accepted: offer,
      payload: { signature, authorization },
      extensions: { "payment-identifier": { info: { required: false, id: identifier } } },
    }),
  });
  part("terms").replaceChildren();
  await send();
}

async function send() {
  const { call, header, amount } = kept();
  part("answer").replaceChildren();
  say(`Sent. Waiting for the answer, and for ${amount} to move…`);
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
  await tell(response, amount);
}

// 3 What became of it

async function tell(response, amount) {
  const receipt = receiptOf(response);
  const charged = response.headers.get("X-Payment-Charged") ?? "";
  if (response.ok) {
    forget();
    say(`Paid ${amount}. Here is the answer.`, "good");
    await show(response, receipt);
    return;
  }
  if (charged) {
    forget();
    say(charged.startsWith("no") ? "The seller gave no good answer. Nothing was charged." : "The payment was taken and no answer came: a refund is due.", "bad");
    await show(response, receipt);
    return;
  }
  const said = await response.json().catch(() => ({}));
  const words = said.detail || said.error || `status ${response.status}`;
  if (response.status === 402 || response.status === 400) {
    forget();
    say(`Not paid: ${words}`, "bad");
    return;
  }
  offerKept(`Not known yet: ${words}`);
  if (receipt) part("answer").replaceChildren(receipt);
}

async function show(response, receipt) {
  const blob = await response.blob();
  const kind = blob.type.split(";")[0];
  const parts = [];
  if (kind.startsWith("image/") && kind !== "image/svg+xml") {
    const image = element("img");
    image.alt = "The answer";
    image.src = URL.createObjectURL(blob);
    parts.push(image);
  } else if (/^text\/|json|xml|javascript/.test(kind)) {
    const text = pretty(await blob.text(), kind);
    parts.push(element("pre", text.slice(0, SHOWN_CHARACTERS_MAX)));
    if (text.length > SHOWN_CHARACTERS_MAX) parts.push(element("p", "The rest is in the file.", "soft"));
  }
  if (blob.size) {
    const file = element("a", `Save the answer (${blob.size.toLocaleString("en")} bytes)`);
    file.href = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
    file.download = "answer";
    parts.push(file, " ");
  }
  if (receipt) parts.push(receipt);
  part("answer").replaceChildren(...parts);
}

function receiptOf(response) {
  const payment = response.headers.get("X-Souk-Payment");
  if (!payment) return null;
  const link = element("a", "See the payment and its receipt");
  link.href = facts.payments + encodeURIComponent(payment);
  return link;
}

function pretty(text, kind) {
  if (!kind.includes("json")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// What was signed and has no outcome yet

function keep(signed) {
  sessionStorage.setItem(KEPT, JSON.stringify(signed));
}

function kept() {
  const signed = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  return signed && signed.until > Date.now() / 1000 - CLOCK_SKEW_SECONDS ? signed : null;
}

function forget() {
  sessionStorage.removeItem(KEPT);
}

function offerKept(words = "You signed a payment here and have not seen its outcome.") {
  const signed = kept();
  if (!signed) return;
  say(words);
  part("terms").replaceChildren(
    button(`Ask again with the ${signed.amount} you signed`, send),
    button("Forget it", () => { forget(); say(""); part("terms").replaceChildren(); }, "quiet"),
  );
}

// Small parts

function typedCall() {
  const url = facts.path + part("tail").value.trim();
  const body = part("body")?.value;
  return { url, method: facts.method, body: body || undefined };
}

function contentType(call) {
  return call.body ? { "Content-Type": facts.contentType } : {};
}

function amountOf(offer) {
  const token = facts.networks[offer.network].tokens[offer.asset];
  if (!token) return `${offer.amount} units of ${offer.asset}`;
  const digits = offer.amount.padStart(token.decimals + 1, "0");
  const whole = digits.slice(0, digits.length - token.decimals);
  const fraction = digits.slice(digits.length - token.decimals).replace(/0+$/, "");
  return `${fraction ? `${whole}.${fraction}` : whole} ${token.symbol}`;
}

function base64(value) {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function say(words, tone = "") {
  part("status").textContent = words;
  part("status").className = tone;
}

function element(name, content = "", className = "") {
  const made = document.createElement(name);
  made.append(content);
  if (className) made.className = className;
  return made;
}

function code(text) {
  return element("code", text);
}

function button(words, act, className = "") {
  const made = element("button", words, className);
  made.type = "button";
  made.addEventListener("click", async () => {
    const all = room.querySelectorAll("button, input, textarea, select");
    all.forEach((control) => { control.disabled = true; });
    try {
      await act();
    } catch (error) {
      say(error.message, error instanceof Cancelled ? "" : "bad");
    } finally {
      all.forEach((control) => { control.disabled = false; });
    }
  });
  return made;
}
