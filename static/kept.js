// What was signed in this tab and has no outcome yet: `{call, header, amount, cost, until}`. It
// counts as spent from the moment it is signed.

import { facts, showSpent } from "./pay_room.js";
import { count } from "./spending.js";

const CLOCKS_APART_SECONDS = 600; // this device's, and the site's, of which `until` is
const KEPT = `souk-pay ${facts.path}`;

export function keep(signed) {
  sessionStorage.setItem(KEPT, JSON.stringify(signed));
  count(BigInt(signed.cost));
  showSpent();
}

/** What is kept; null when there is nothing, or when it is too old to be taken. */
export function kept() {
  const signed = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  return signed && signed.until > Date.now() / 1000 - CLOCKS_APART_SECONDS ? signed : null;
}

/** Keep it no longer; `free` says that nothing was charged. */
export function forget({ free = false } = {}) {
  if (free) count(-BigInt(kept()?.cost ?? 0));
  sessionStorage.removeItem(KEPT);
  showSpent();
}
