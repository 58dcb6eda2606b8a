// How much this tab may spend: asked again above ten cents, and stopped at a sum.
// Sums are millionths of a dollar; every token that can be paid with here is a dollar.

export const ASK_ABOVE = 100_000n;
const START = 1_000_000n;
const SPENT = "souk-spent";
const CAP = "souk-spend-at-most";

/** What an offer costs; null where its token is not known. */
export function costOf(offer, token) {
  if (!token) return null;
  const amount = BigInt(offer.amount);
  return token.decimals >= 6 ? ceil(amount, 10n ** BigInt(token.decimals - 6)) : amount * 10n ** BigInt(6 - token.decimals);
}

export function spent() {
  return BigInt(sessionStorage.getItem(SPENT) ?? 0);
}

export function cap() {
  return BigInt(sessionStorage.getItem(CAP) ?? START);
}

/** Counted when it is signed, and taken off again (a negative cost) when nothing was charged. */
export function count(cost) {
  const sum = spent() + cost;
  sessionStorage.setItem(SPENT, String(sum > 0n ? sum : 0n));
}

/** Let this tab spend so much more, in whole dollars. */
export function raiseFor(cost) {
  sessionStorage.setItem(CAP, String(capFor(cost)));
}

export function capFor(cost) {
  return ceil(spent() + cost, 1_000_000n) * 1_000_000n;
}

export function dollars(sum) {
  const cents = sum % 10_000n === 0n;
  const digits = String(cents ? sum / 10_000n : sum).padStart(cents ? 3 : 7, "0");
  const places = cents ? 2 : 6;
  const fraction = digits.slice(-places);
  return `$${digits.slice(0, -places)}.${cents ? fraction : fraction.replace(/0+$/, "").padEnd(2, "0")}`;
}

function ceil(amount, unit) {
  return (amount + unit - 1n) / unit;
}
