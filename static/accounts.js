// Signing in with a browser's wallet, and linking one: wherever a page has a [data-wallets] part.
// The server writes the text and judges the signature; here is only what stands between.

import { make } from "./elements.js";
import { post } from "./post.js";
import { signWith } from "./signing.js";
import { discover } from "./wallet.js";

const NONE = "No wallet was found in this browser. An extension such as Rabby or MetaMask is one.";

for (const part of document.querySelectorAll("[data-wallets]")) offer(part);

async function offer(part) {
  const wallets = await discover();
  const list = part.querySelector("[data-wallet-list]");
  list.replaceChildren(...wallets.map((wallet) => button(part, wallet)));
  list.hidden = !wallets.length;
  say(part, wallets.length ? "" : NONE);
}

function button(part, wallet) {
  const made = make("button", "", part.dataset.quiet === undefined ? "button" : "button quiet");
  made.type = "button";
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

function use(part, wallet, pressed) {
  return signWith(wallet, {
    buttons: [...part.querySelectorAll("[data-wallet-list] button")],
    pressed,
    say: (words, tone) => say(part, words, tone),
    ask: async (address, chain) => (await post(part.dataset.ask, { address, chain })).text,
    send: async ({ text, signature }) => {
      const { next } = await post(part.dataset.answer, { text, signature, next: part.dataset.next });
      location.assign(next);
    },
  });
}

function say(part, words, tone = "neutral") {
  const place = part.querySelector("[data-wallet-said]");
  place.hidden = !words;
  place.className = tone === "bad" ? "errors" : "hint small";
  place.textContent = words;
}
