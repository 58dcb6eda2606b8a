// The terms of a payment, said in words before a wallet opens; what costs much is asked for twice,
// and a tab spends only so much.

import { make } from "./elements.js";
import { button, inRow } from "./pay_buttons.js";
import { facts, part, say, showSpent, step } from "./pay_room.js";
import { ASK_ABOVE, cap, capFor, costOf, dollars, raiseFor, spent } from "./spending.js";

const NO_WALLET = "No wallet was found in this browser. Open this page in one that has a wallet, or call from a program: the code is below.";

/** Shows one of the offers, and the others to choose from; `waysFor(offer)` makes what pays it. */
export function showTerms(offers, { address, waysFor, chosen = 0 }) {
  const offer = offers[chosen];
  const list = make("dl");
  for (const [term, meaning] of rows(offer, address)) list.append(make("dt", term), make("dd", meaning));
  const ways = waysFor(offer);
  const buttons = [...ways, button("Not now", notNow, "quiet")];
  const parts = [
    make("p", `You are about to sign a promise of exactly this amount; you cannot lose more. ${takenWhen(offer)}`),
    list,
    ...(ways.length ? [] : [make("p", NO_WALLET, "soft")]),
    inRow(buttons),
  ];
  if (offers.length > 1) {
    parts.unshift(choice(offers, chosen, (next) => showTerms(offers, { address, waysFor, chosen: next })));
  }
  part("terms").replaceChildren(...parts);
  buttons[0].focus();
}

function rows(offer, address) {
  const network = facts.networks[offer.network];
  return [
    ["You pay", `${inDollars(offer)}, once, for this call`],
    ["To", make("code", offer.payTo)],
    ...(address ? [["From", make("code", address)]] : []),
    ["Network", network.testnet ? `${network.name}, test network: its money is worth nothing` : network.name],
    ["Token", make("code", offer.asset)],
    ["Ends", `${inMinutes(offer.maxTimeoutSeconds)} after you sign`],
  ];
}

function takenWhen(offer) {
  return offer.extra.paymentFlow === "upfront"
    ? "It is taken before the work begins; if no answer comes, a refund is due to you."
    : "It is taken only when a good answer is there.";
}

function choice(offers, chosen, choose) {
  const list = make("select");
  list.setAttribute("aria-label", "How to pay");
  offers.forEach((offer, place) => {
    list.append(new Option(`${amountOf(offer)} on ${facts.networks[offer.network].name}`, place, false, place === chosen));
  });
  list.addEventListener("change", () => choose(Number(list.value)));
  return list;
}

export function notNow() {
  part("terms").replaceChildren();
  step("price");
  say("");
}

/** Goes on at once, or after a yes where it is much or more than this tab may spend. */
export async function askAgain(offer, go) {
  const cost = costIn(offer);
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

/** In millionths of a dollar; null where the token is not known. */
export function costIn(offer) {
  return costOf(offer, tokenOf(offer));
}

export function amountOf(offer) {
  const token = tokenOf(offer);
  if (!token) return `${offer.amount} units of ${offer.asset}`;
  const digits = offer.amount.padStart(token.decimals + 1, "0");
  const whole = digits.slice(0, digits.length - token.decimals);
  const fraction = digits.slice(digits.length - token.decimals).replace(/0+$/, "");
  return `${fraction ? `${whole}.${fraction}` : whole} ${token.symbol}`;
}

function inDollars(offer) {
  const cost = costIn(offer);
  return cost > 0n ? `${dollars(cost)} (${amountOf(offer)})` : amountOf(offer);
}

function tokenOf(offer) {
  return facts.networks[offer.network].tokens[offer.asset];
}

function inMinutes(seconds) {
  const minutes = Math.max(1, Math.round(seconds / 60));
  return minutes === 1 ? "1 minute" : `${minutes} minutes`;
}
