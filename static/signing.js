// A text of the site's, signed with a wallet of this browser: to sign in or link (accounts.js), and
// to prove a payout wallet (prove.js). The site writes the text and judges the signature.

import { Cancelled, chainOf, connect, signMessage } from "./wallet.js";

/**
 * Gets a text for the account that the wallet shows (`ask(address, chain)`), has it signed, and
 * hands it over (`send({address, text, signature})`), which leaves the page. `buttons` are off
 * until then, `pressed` is one of them; `say(words, tone)` tells the person what to do next, or
 * what went wrong.
 */
export async function signWith(wallet, { buttons, pressed, say, ask, send }) {
  const off = (is) => { for (const each of buttons) each.disabled = is; };
  off(true);
  try {
    say("Look at your wallet: it asks which account this site may see.");
    const address = await connect(wallet);
    const text = await ask(address, await chainOf(wallet));
    say("Look at your wallet: it shows the text to sign. It moves no money.");
    const signature = await signMessage(wallet, address, text);
    say("Checking the signature …");
    await send({ address, text, signature });
    addEventListener("pageshow", () => { off(false); say(""); }, { once: true }); // who comes back
  } catch (error) {
    say(error.message, error instanceof Cancelled ? "neutral" : "bad");
    off(false);
    pressed.focus(); // a button that is off loses the keyboard
  }
}
