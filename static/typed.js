// What was typed into a form and not taken, because the session had ended or the page was too old,
// stands there again when the page is next shown in this tab. Nothing is sent by itself. A page
// that says `data-unsent` is what a form was answered with instead of being taken; any other page
// after it means that it was.

import { make } from "./elements.js";

const KEPT = "souk-typed";
const KEPT_MS = 3_600_000;
const NOT_TYPED = "[type=hidden], [type=password], [type=file], [type=submit], [type=button]";
const BACK = "What you typed here was not sent. It is back, for you to send once more.";
const SAFE = "What you typed is kept in this tab, and will stand in its form again.";

const touched = new Set();

const isChosen = (field) => field.matches("[type=checkbox], [type=radio]");

function fields(form) {
  const all = [...form.elements].filter((field) => field.matches("input, textarea, select"));
  return all.filter((field) => field.name && !field.matches(NOT_TYPED));
}

/** Which form: several may be sent to one address. A field may be called `action`. */
function nameOf(form) {
  const { pathname } = new URL(form.getAttribute("action") || location.pathname, location.href);
  return `${pathname} ${fields(form)[0]?.name}`;
}

/** What is in a form; the first line of each field says which of several buttons or boxes. */
function contents(form) {
  return fields(form).map((field) => (isChosen(field) ? [`${field.name}=${field.value}`, field.checked] : [field.name, field.value]));
}

function read() {
  try {
    const typed = JSON.parse(sessionStorage.getItem(KEPT));
    return typed && typed.until > Date.now() ? typed : null;
  } catch {
    return null;
  }
}

function write(typed) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(typed));
  } catch {
    sessionStorage.removeItem(KEPT); // more than a tab may keep
  }
}

// Whose a form is stands in it: what one person typed is not put before another.
addEventListener("pagehide", () => {
  const forms = [...touched].filter((form) => form.isConnected);
  if (!forms.length) return;
  const found = forms.map((form) => [nameOf(form), { whose: form.dataset.kept, said: contents(form) }]);
  write({ until: Date.now() + KEPT_MS, unsent: false, forms: Object.fromEntries(found) });
});

for (const happens of ["input", "change", "submit"]) {
  document.addEventListener(happens, ({ target }) => {
    const form = target.form ?? target;
    if (form.matches?.("form[data-kept]")) touched.add(form);
  });
}

/** Puts everything back into its field; gives the first field that was otherwise. */
function fill(form, said) {
  const left = [...said];
  let first = null;
  for (const field of fields(form)) {
    const name = isChosen(field) ? `${field.name}=${field.value}` : field.name;
    const place = left.findIndex(([known]) => known === name);
    if (place < 0) continue;
    const [[, was]] = left.splice(place, 1);
    const part = isChosen(field) ? "checked" : "value";
    if (field[part] === was) continue;
    field[part] = was;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    first ??= field;
  }
  return first;
}

function putBack(typed) {
  for (const form of document.querySelectorAll("form[data-kept]")) {
    const kept = typed.forms[nameOf(form)];
    if (!kept) continue;
    sessionStorage.removeItem(KEPT);
    const first = kept.whose === form.dataset.kept ? fill(form, kept.said) : null;
    if (!first) continue;
    for (let around = first.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
    const icon = make("span", "…", "icon");
    icon.setAttribute("aria-hidden", "true");
    const notice = make("div", icon, "notice waiting");
    notice.append(make("p", BACK));
    notice.setAttribute("role", "status");
    form.prepend(notice);
    first.focus();
  }
}

function open() {
  const typed = read();
  const unsent = document.querySelector("[data-unsent]");
  if (typed && unsent) {
    write({ ...typed, unsent: true });
    unsent.append(make("p", SAFE, "hint"));
  } else if (typed?.unsent) {
    putBack(typed);
  } else {
    sessionStorage.removeItem(KEPT);
  }
}

setTimeout(open); // after htmx has begun just so: what is put back is saved where typing would be
