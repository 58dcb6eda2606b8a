// Signing in with a browser's wallet, and linking one: wherever a page has a [data-wallets] part.
// The server writes the text and judges the signature; here is only what stands between.

import { Cancelled, chainOf, connect, discover, signMessage } from "./wallet.js";

const NONE = "No wallet was found in this browser. An extension such as Rabby or MetaMask is one.";
const OPEN = "Look at your wallet: it asks which account this site may see.";
const SIGN = "Look at your wallet: it shows the text to sign.";
const AWAY = "The site could not be reached. Nothing was changed; please try again.";

for (const part of document.querySelectorAll("[data-wallets]")) offer(part);

async function offer(part) {
  const wallets = await discover();
  const list = part.querySelector("[data-wallet-list]");
  list.replaceChildren(...wallets.map((wallet) => button(part, wallet)));
  list.hidden = !wallets.length;
  say(part, wallets.length ? "" : NONE);
}

function button(part, wallet) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = part.dataset.quiet === undefined ? "button" : "button quiet";
  if (/^data:image\//.test(wallet.icon)) {
    const icon = new Image(20, 20);
    icon.src = wallet.icon;
    icon.alt = "";
    made.append(icon);
  }
  made.append(`${part.dataset.verb} ${wallet.name}`);
  made.addEventListener("click", () => use(part, wallet, made));
  return made;
}

async function use(part, wallet, pressed) {
  const buttons = [...part.querySelectorAll("[data-wallet-list] button")];
  for (const each of buttons) each.disabled = true;
  try {
    say(part, OPEN);
    const address = await connect(wallet);
    const { text } = await post(part, part.dataset.ask, { address, chain: await chainOf(wallet) });
    say(part, SIGN);
    const signature = await signMessage(wallet, address, text);
    say(part, "Checking the signature …");
    const { next } = await post(part, part.dataset.answer, { text, signature, next: part.dataset.next });
    location.assign(next);
  } catch (error) {
    say(part, error.message, error instanceof Cancelled ? "neutral" : "bad");
    for (const each of buttons) each.disabled = false;
    pressed.focus(); // a button that is off loses the keyboard
  }
}

async function post(part, url, fields) {
  const token = part.querySelector("input[name=csrfmiddlewaretoken]").value;
  let answer;
  let said;
  try {
    answer = await fetch(url, {
      method: "POST",
      headers: { "X-CSRFToken": token, Accept: "application/json" },
      body: new URLSearchParams(fields),
    });
    if (answer.redirected) {
      location.assign(answer.url);
      return new Promise(() => {});
    }
    said = await answer.json();
  } catch {
    throw new Error(AWAY);
  }
  if (!answer.ok) throw new Error(said.detail ?? said.error);
  return said;
}

function say(part, words, tone = "neutral") {
  const place = part.querySelector("[data-wallet-said]");
  place.hidden = !words;
  place.className = tone === "bad" ? "errors" : "hint small";
  place.textContent = words;
}
