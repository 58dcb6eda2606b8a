// What an answer of the door's own says of the money that was signed for.

// The door judged the request: the same one is never taken. Any other status is no last word, also
// from whatever stands before the door.
const REFUSED = new Set([400, 402, 403, 404, 405, 409, 410, 413, 415, 422, 431]);
// Refused with these, the same request can still go through.
const TRY_AGAIN = new Set(["in_flight", "body_incomplete"]);
// The money has moved, or may have: what was signed is used up.
const USED = {
  refund_due: "The payment was taken and no answer came: a refund is due.",
  already_used: "This payment was used before. Sign in with the wallet that paid to see what became of it.",
  invalid_exact_evm_nonce_already_used: "What you signed was used elsewhere. Look into the wallet to see what became of it.",
  other_request: "",
  answer_expired: "",
};

/** `{fate, words}` of a status and what was said with it: "open", "free" (nothing was charged) or "used". */
export function outcomeOf(status, { error = "", detail = "" }) {
  const words = detail || error || `status ${status}`;
  if (!error || !REFUSED.has(status) || TRY_AGAIN.has(error)) return { fate: "open", words: `No answer yet: ${words}` };
  if (error in USED) return { fate: "used", words: USED[error] || words };
  return { fate: "free", words: `Not paid: ${words}` };
}
