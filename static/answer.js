// An answer that was paid for, as a person reads it: as it is meant, as it came, and its headers.

import { make } from "./elements.js";

const SHOWN_CHARACTERS_MAX = 100_000;

/** What there is to see of an answer, as elements; `whole` adds its raw form and its headers. */
export async function shown(response, { whole = false } = {}) {
  const blob = await response.blob();
  const kind = blob.type.split(";")[0];
  const views = [["Answer", await meant(blob, kind)]];
  if (whole) {
    if (isText(kind)) views.push(["Raw", text(await blob.text())]);
    views.push(["Headers", headers(response)]);
  }
  const parts = whole ? [choices(views)] : [...views[0][1]];
  if (blob.size) parts.push(file(blob), " ");
  return parts;
}

async function meant(blob, kind) {
  if (kind.startsWith("image/") && kind !== "image/svg+xml") {
    const image = make("img");
    image.alt = "The answer";
    image.src = URL.createObjectURL(blob);
    await image.decode().catch(() => {});
    return [image];
  }
  if (isText(kind)) return text(pretty(await blob.text(), kind));
  return [make("p", blob.size ? `The answer is a file of type ${kind || "unknown"}.` : "The answer has no body.", "soft")];
}

function isText(kind) {
  return /^text\/|json|xml|javascript/.test(kind);
}

function text(written) {
  const parts = [make("pre", written.slice(0, SHOWN_CHARACTERS_MAX))];
  if (written.length > SHOWN_CHARACTERS_MAX) parts.push(make("p", "The rest is in the file.", "soft"));
  return parts;
}

function pretty(written, kind) {
  if (!kind.includes("json")) return written;
  try {
    return JSON.stringify(JSON.parse(written), null, 2);
  } catch {
    return written;
  }
}

function headers(response) {
  const list = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  return [make("pre", [`${response.status} ${response.statusText}`.trim(), ...list].join("\n"))];
}

function file(blob) {
  const link = make("a", `Save the answer (${blob.size.toLocaleString("en")} bytes)`);
  link.href = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
  link.download = "answer";
  return link;
}

// The same parts as templates/components/choices.html has.
function choices(views) {
  const room = make("div", "", "choices");
  const bar = make("fieldset", "", "segments");
  bar.append(make("legend", "Show", "unseen"));
  views.forEach(([label], place) => {
    const radio = make("input");
    Object.assign(radio, { type: "radio", name: "answer-view", checked: place === 0 });
    const said = make("label");
    said.append(radio, label);
    bar.append(said);
  });
  const panels = views.map(([, content]) => {
    const panel = make("div", "", "panel");
    panel.append(...content);
    return panel;
  });
  room.append(bar, ...panels);
  return room;
}
