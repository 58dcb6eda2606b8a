// Verifies a receipt in the browser: its signature by the site's published key, and what it says.
// Nothing is asked of the server but the two documents; where the browser lacks Ed25519, the form
// goes to the server, whose answer says that it is the server's.

import { make } from "./elements.js";

const KIND = "souk-receipt";

class Forged extends Error {}

function bytesOf(text) {
  const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function documentOf(part) {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytesOf(part)));
}

/** The key that the header names, if the site says that it signs for it. */
function keyOf(did, kid) {
  const method = did.verificationMethod?.find(({ id }) => id === kid);
  const jwk = method?.publicKeyJwk;
  if (!did.assertionMethod?.includes(kid) || jwk?.kty !== "OKP" || jwk?.crv !== "Ed25519") {
    throw new Forged(`The site's key document has no key ${kid}.`);
  }
  return { kty: jwk.kty, crv: jwk.crv, x: jwk.x };
}

async function read(url) {
  const answer = await fetch(url, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}.`);
  return answer.text();
}

async function ed25519(jwk) {
  try {
    return await crypto.subtle.importKey("jwk", jwk, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return null; // an older browser, or a page without TLS
  }
}

/** What the receipt says once its signature held; null where this browser cannot tell. */
async function verified(receiptUrl, didUrl) {
  const [jws, didText] = await Promise.all([read(receiptUrl), read(didUrl)]);
  const parts = jws.trim().split(".");
  if (parts.length !== 3) throw new Forged("This is no signed receipt.");
  let header, did;
  try {
    [header, did] = [documentOf(parts[0]), JSON.parse(didText)];
  } catch {
    throw new Forged("This is no signed receipt.");
  }
  if (header.alg !== "EdDSA" || header.typ !== KIND) throw new Forged("This is no signed receipt.");
  if (String(header.kid).split("#")[0] !== did.id) throw new Forged(`Signed by ${header.kid}, not by this site.`);
  const key = await ed25519(keyOf(did, header.kid));
  if (!key) return null;
  const signed = new TextEncoder().encode(`${parts[0]}.${parts[1]}`);
  if (!(await crypto.subtle.verify("Ed25519", key, bytesOf(parts[2]), signed))) {
    throw new Forged("The signature does not fit: the text or the key is another.");
  }
  return { kid: header.kid, said: documentOf(parts[1]) };
}

function show(place, good, title, facts, note) {
  const list = make("ul");
  list.append(...facts.map((fact) => make("li", fact)));
  const state = make("p", `${good ? "✓" : "!"} ${title}`, `state ${good ? "good" : "bad"}`);
  place.replaceChildren(state, list, make("p", note, "hint"));
}

function factsOf({ kid, said }) {
  const facts = [
    `signed by ${kid}`,
    `it says: ${said.status}, version ${said.receiptVersion}`,
    `${said.amount} units of ${said.token?.symbol ?? said.token?.address} on ${said.network}`,
    `from ${said.payer} to ${said.payTo}`,
  ];
  if (said.transaction) facts.push(`transaction ${said.transaction}`);
  if (said.response?.hash) facts.push(`for an answer of ${said.response.bytes} bytes, ${said.response.hash}`);
  return facts;
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-verify]")) return;
  event.preventDefault();
  const place = document.getElementById("checked");
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const found = await verified(form.dataset.receipt, form.dataset.did);
    if (found === null) {
      form.dispatchEvent(new CustomEvent("server-check"));
      return;
    }
    const about = location.pathname.includes(found.said.payment);
    const paid = found.said.status !== "reversed";
    const title = !about ? "This receipt is about another payment" : paid ? "Genuine" : "Genuine, and it says: not paid";
    show(place, about && paid, title, factsOf(found), "Verified in your browser (Ed25519), with the key this site publishes.");
  } catch (error) {
    const title = error instanceof Forged ? "Not genuine" : "Could not be checked";
    show(place, false, title, [error.message], "Verified in your browser (Ed25519).");
  } finally {
    button.disabled = false;
    if (document.activeElement === document.body) button.focus(); // off, it loses the keyboard
  }
});
