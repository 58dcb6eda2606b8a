// Buttons of the part in which a call is paid for: one thing at a time, and faults said in words.

import { make } from "./elements.js";
import { kept } from "./kept.js";
import { form, part, room, say, step } from "./pay_room.js";
import { Cancelled } from "./wallet.js";

export function button(words, go, look = "") {
  const made = make("button", words, form ? `button ${look}`.trim() : look);
  made.type = "button";
  made.addEventListener("click", () => act(go));
  return made;
}

export function inRow(buttons) {
  const row = make("div", "", "row");
  row.append(...buttons);
  return row;
}

/** Does this with everything switched off that could be pressed or changed meanwhile. */
export async function act(go) {
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
