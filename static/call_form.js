// A call's form, made from its listing's input schema: what stands in it, as a request.

/** The call a form describes: `{url, method, body}`; a value that cannot be sent is an Error. */
export function callOf(form, { base, path, method, pathNames, blankBody }) {
  const given = [...form.elements].filter((control) => control.dataset.in && filled(control));
  const inside = (place) => given.filter((control) => control.dataset.in === place);
  const segments = pathNames.map((name) => {
    const value = inside("path").find((control) => control.dataset.name === name)?.value ?? "";
    return `/${encodeURIComponent(value.trim())}`;
  });
  const query = new URLSearchParams(inside("query").flatMap(pairs)).toString();
  return {
    url: `${base}${path}${segments.join("")}${query ? `?${query}` : ""}`,
    method,
    body: bodyOf(inside("body"), inside("whole")[0]) ?? (blankBody || undefined),
  };
}

function filled(control) {
  return control.value.trim() !== "";
}

function pairs(control) {
  const values = control.dataset.kind === "lines" ? lines(control) : [control.value.trim()];
  return values.map((value) => [control.dataset.name, value]);
}

// Numbers are written as they were typed: one with many digits would not come through as a number.
function bodyOf(fields, whole) {
  if (whole) return whole.dataset.kind === "json" ? checked(whole) : whole.value;
  if (!fields.length) return undefined;
  const members = fields.map((control) => `${JSON.stringify(control.dataset.name)}: ${written(control)}`);
  return `{${members.join(", ")}}`;
}

function written(control) {
  const kind = control.dataset.kind;
  if (kind === "number" || kind === "boolean" || kind === "json") return checked(control);
  if (kind === "lines") return JSON.stringify(lines(control));
  return JSON.stringify(control.value);
}

function checked(control) {
  try {
    JSON.parse(control.value);
  } catch {
    control.focus();
    throw new Error(`${control.dataset.label} is not valid JSON yet.`);
  }
  return control.value.trim();
}

function lines(control) {
  return control.value.split("\n").map((line) => line.trim()).filter(Boolean);
}
