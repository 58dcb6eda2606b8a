// Makes one file of all the scripts a page loads, so that a page asks for one:
//   node build.mjs <checkout> <folder to write to>
// The sources in static/ are what people read and edit; manifest.json says which bundle is made
// of which, and their hashes, so that one that was not made anew is noticed.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import esbuild from "esbuild";

// On every page of ours: classic scripts as they were published, then our own.
const PUBLISHED = ["vendor/htmx.min.js", "vendor/hx-sse.min.js"];
const EVERYWHERE = ["ui.js", "typed.js"];
const PAGES = {
  "site.js": [],
  "listing.js": ["pay.js", "parts.js"],
  "sign_in.js": ["accounts.js"],
  "payout.js": ["prove.js"],
  "payment.js": ["verify.js"],
};
// Modules, and without htmx: the door's page of a price, which another host may serve, and what
// is fetched when somebody wants it.
const MODULES = { "pay.js": ["pay.js"], "demo_wallet.js": ["demo_wallet.js"] };
const FETCHED_LATER = ["./demo_wallet.js"];

const [checkout, built] = process.argv.slice(2).map((folder) => resolve(folder));
const sources = join(checkout, "static");
const vendored = JSON.parse(await text("vendor/manifest.json"));
const manifest = { esbuild: esbuild.version, bundles: {}, sources: {} };

await mkdir(built, { recursive: true });
for (const old of await readdir(built)) await rm(join(built, old));
for (const [name, own] of Object.entries(PAGES)) {
  await bundle(name, PUBLISHED, [...EVERYWHERE, ...own], "iife");
}
for (const [name, own] of Object.entries(MODULES)) await bundle(name, [], own, "esm");
await writeFile(join(built, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);

async function bundle(name, published, own, format) {
  const { code, imported } = await joined(own, format);
  const parts = [...published, ...imported];
  const whole = [notice(parts), ...(await Promise.all(published.map(text))), code].map((part) => part.trim());
  const written = `${whole.filter(Boolean).join("\n")}\n`;
  await writeFile(join(built, name), written);
  manifest.bundles[name] = { sha256: sha256(written), sources: parts };
  for (const part of parts) manifest.sources[part] = sha256(await text(part));
}

/** Our own scripts and what they import, as one. */
async function joined(own, format) {
  const lines = own.map((script) => (format === "esm" ? `export * from "./${script}";` : `import "./${script}";`));
  const made = await esbuild.build({
    stdin: { contents: lines.join("\n"), resolveDir: sources },
    absWorkingDir: sources,
    bundle: true,
    charset: "utf8",
    external: FETCHED_LATER.filter((later) => !own.includes(later.slice(2))),
    format,
    legalComments: "inline",
    logLevel: "warning",
    metafile: true,
    minify: true,
    target: "es2022",
    write: false,
  });
  const imported = Object.keys(made.metafile.inputs).filter((source) => source !== "<stdin>");
  return { code: made.outputFiles[0].text, imported: imported.sort() };
}

/** Whose work is in a bundle, and where its licence stands. */
function notice(parts) {
  const lines = parts
    .map((part) => vendored[part.replace("vendor/", "")])
    .filter(Boolean)
    .map((one) => ` * ${one.package} ${one.version}, ${one.licence}: /static/vendor/${one.licence_file}`);
  return lines.length ? ["/*! With:", ...new Set(lines), " */"].join("\n") : "";
}

function text(source) {
  return readFile(join(sources, source), "utf8");
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
