// The part of a page in which a call is paid for: what it is told of the call, and what it says.

import { cap, dollars, spent } from "./spending.js";

const STEPS = { price: 0, terms: 1, payment: 2, answer: 3 };

export const room = document.getElementById("pay");
export const facts = JSON.parse(room.dataset.facts);
export const part = (name) => document.getElementById(`pay-${name}`);
export const form = part("form"); // where the listing's own form is: on its page

export function say(words, tone = "") {
  part("status").textContent = words;
  part("status").className = tone;
}

export function step(name) {
  part("steps")?.querySelectorAll("li").forEach((one, place) => {
    one.classList.toggle("done", place < STEPS[name]);
    if (place === STEPS[name]) one.firstElementChild.setAttribute("aria-current", "step");
    else one.firstElementChild.removeAttribute("aria-current");
  });
}

export function showSpent() {
  if (part("spent")) part("spent").textContent = `Spent in this tab: ${dollars(spent())} of ${dollars(cap())} at most.`;
}
