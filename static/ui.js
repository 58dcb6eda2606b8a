// What pages do beyond links and forms: copy, say that something happened, remember a theme,
// walk over a chart. Every page works without it.

import { make } from "./elements.js";

const TOAST_MS = 6000;
const COPIED_MS = 2000;
const TONES = ["good", "waiting", "bad", "neutral"];

/** Says something for a moment, to eyes and to screen readers. */
export function toast(text, tone = "good") {
  const place = document.getElementById("toasts");
  // Whatever asks again and again is refused again and again: once is enough to read.
  if (!place || [...place.querySelectorAll("p")].some((words) => words.textContent === text)) return;
  place.append(make("div", make("p", text), `toast ${TONES.includes(tone) ? tone : "neutral"}`));
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    toast("Your browser does not let this page copy. Select the text instead.", "bad");
    return;
  }
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), COPIED_MS);
  toast("Copied.");
}

// Toasts come from here and from the server's answers: each goes by itself, or when it is told to,
// and a fault stays until it is read.
function dress(said) {
  const close = make("button", "×");
  close.type = "button";
  close.setAttribute("aria-label", "Dismiss");
  close.addEventListener("click", () => said.remove());
  said.append(close);
  if (said.classList.contains("bad")) return;
  let timer;
  const start = () => { timer = setTimeout(() => said.remove(), TOAST_MS); };
  const stop = () => clearTimeout(timer);
  said.addEventListener("mouseenter", stop);
  said.addEventListener("focusin", stop);
  said.addEventListener("mouseleave", start);
  said.addEventListener("focusout", start);
  start();
}

const toasts = document.getElementById("toasts");
if (toasts) {
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) if (node.classList?.contains("toast")) dress(node);
    }
  }).observe(toasts, { childList: true });
}

// An answer of the server may carry `HX-Trigger: {"toast": {"text": "Saved.", "tone": "good"}}`.
document.addEventListener("toast", ({ detail }) => {
  if (detail?.text) toast(String(detail.text), detail.tone);
});

// How much of what fits into a field is used: said beside it from the first letter on.
function count(field) {
  const most = Number(field.dataset.most);
  const used = [...field.value].length;
  let said = field.parentElement.querySelector("[data-used]");
  if (!said) {
    said = make("p");
    said.dataset.used = "";
    field.after(said);
  }
  said.className = used > most ? "small errors" : "small soft";
  said.textContent = used > most ? `${used - most} too many` : `${used} of ${most}`;
}

document.addEventListener("input", ({ target }) => {
  if (target.dataset?.most) count(target);
  // "Saved." is not said of what was typed since, least of all where saving it fails.
  target.form?.querySelector("[data-saved]")?.classList.add("stale");
});

const UNREACHED = "The site could not be reached. Nothing was changed; please try again.";

// A request that came to nothing at all: the network is gone, or the answer took too long.
document.addEventListener("htmx:error", () => toast(UNREACHED, "bad"));

// A fault of the site says what becomes of the page. One that does not is a proxy's in front of it,
// whose words would stand in the place of what they are asked for.
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  if (ctx.response.status < 500 || ctx.hx.reswap) return;
  ctx.hx.reswap = "none";
  toast(UNREACHED, "bad");
});

// Browsers that know `command` on buttons open dialogs by themselves.
const KNOWS_COMMANDS = "commandForElement" in HTMLButtonElement.prototype;

function command(button) {
  const target = document.getElementById(button.getAttribute("commandfor"));
  if (!(target instanceof HTMLDialogElement)) return;
  if (button.getAttribute("command") === "show-modal") target.showModal();
  if (button.getAttribute("command") === "close") target.close();
}

document.addEventListener("click", (event) => {
  const copying = event.target.closest("[data-copy]");
  if (copying) copy(copying);
  const commanding = event.target.closest("button[commandfor]");
  if (commanding && !KNOWS_COMMANDS) command(commanding);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const point = steps && event.target.closest?.("[data-points] .slot");
  if (point) {
    const points = [...point.closest("[data-points]").querySelectorAll(".slot")];
    const next = points[points.indexOf(point) + steps];
    if (next) {
      move(point, next);
      event.preventDefault();
    }
  }
});

// Pages that are worked through by keyboard: an element says which key presses it
// (aria-keyshortcuts), and j and k walk over what is marked as a stop. Whoever types, or has
// switched the keys off, is left alone; and a page that has only just opened takes none, because
// the second of two quick strokes was meant for the page before.
const TYPED_INTO = "input:not([type=checkbox], [type=radio]), textarea, select";
const JUST_OPENED_MS = 600;
const keysSwitch = document.querySelector("[data-keys-switch]");
if (keysSwitch) {
  const box = keysSwitch.querySelector("input");
  box.checked = localStorage.getItem("keys") !== "off";
  box.addEventListener("change", () => localStorage.setItem("keys", box.checked ? "on" : "off"));
  keysSwitch.hidden = false;
  setTimeout(() => { keysSwitch.dataset.awake = ""; }, JUST_OPENED_MS);
  document.addEventListener("keydown", (event) => {
    const held = event.ctrlKey || event.metaKey || event.altKey || event.repeat;
    const awake = box.checked && "awake" in keysSwitch.dataset;
    if (held || !awake || event.target.matches?.(TYPED_INTO)) return;
    const key = event.key.toLowerCase();
    const stops = [...document.querySelectorAll("[data-stop]")];
    const step = { j: 1, k: -1 }[key];
    const to = step && (stops[stops.indexOf(document.activeElement) + step] ?? stops.at(step > 0 ? -1 : 0));
    const meant = to || (/^[a-z]$/.test(key) && document.querySelector(`[aria-keyshortcuts="${key}"]`));
    if (!meant) return;
    event.preventDefault();
    if (to || meant.matches(TYPED_INTO)) meant.focus();
    else meant.click();
  });
}

// With a script a chart is one stop of the keyboard, and arrows walk over its points.
function move(from, to) {
  from.setAttribute("tabindex", "-1");
  to.setAttribute("tabindex", "0");
  to.focus();
}

function oneStop(root) {
  for (const chart of root.querySelectorAll("[data-points]")) {
    const points = [...chart.querySelectorAll(".slot")];
    for (const point of points.slice(0, -1)) point.setAttribute("tabindex", "-1");
  }
}

oneStop(document);
document.addEventListener("htmx:after:swap", () => oneStop(document));

// A drawer opens when what belongs into it has come, and is emptied when it closes: its stream ends
// with it. Whatever else the server answered (a sign-in, a fault) is for the whole page to show.
const filled = document.querySelector("[data-drawer]");
if (filled) {
  const drawer = filled.closest("dialog");
  let opener = null;
  document.addEventListener("htmx:after:swap", () => {
    if (!filled.childElementCount || drawer.open) return;
    opener = document.activeElement;
    if (filled.querySelector(".drawer-head")) drawer.showModal();
    else if (opener?.href) location.assign(opener.href);
  });
  drawer.addEventListener("close", () => {
    htmx.swap({ sourceElement: filled, target: filled, swap: "innerHTML", text: "" });
    // The row may have been drawn anew meanwhile.
    const back = opener?.isConnected ? opener : document.getElementById(opener?.id) ?? document.getElementById("main");
    back.focus();
  });
  drawer.addEventListener("click", ({ target }) => {
    if (target === drawer) drawer.close();
  });
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-theme-form]") || !event.submitter) return;
  event.preventDefault();
  const chosen = event.submitter.value;
  const body = new FormData(form);
  body.set("theme", chosen);
  document.documentElement.dataset.theme = chosen;
  for (const button of form.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.value === chosen));
  }
  const kept = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
  if (!kept?.ok && kept?.type !== "opaqueredirect") toast("The theme could not be kept.", "bad");
});

// What a form writes is written once: a second press while the first is on its way does nothing,
// until the page is shown anew or the sending came to nothing. Last in this file, as what a script
// has taken over is none of it. A form that is answered with a file stays, and may ask again.
const WRITES = "form[method=post]:not([data-file])";
const sent = new Set();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.matches(WRITES)) return;
  if (sent.has(form)) event.preventDefault();
  else sent.add(form);
  form.dataset.sent = "";
});

function mayBeSentAgain(forms) {
  for (const form of forms) {
    sent.delete(form);
    delete form.dataset.sent;
  }
}
addEventListener("pageshow", () => mayBeSentAgain([...sent]));
// Somebody stopped it; or pressed in another form, whose sending goes on.
globalThis.navigation?.addEventListener("navigateerror", () => {
  mayBeSentAgain(sent.size > 1 ? [...sent].slice(0, -1) : [...sent]);
});
