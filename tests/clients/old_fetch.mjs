// Version 1 of x402, with each client's default settings: one call, its answer as JSON.
import { registerExactEvmScheme } from "@x402/evm/exact/client";
import { wrapFetchWithPayment as payAsToday, x402Client } from "@x402/fetch";
import { createSigner, wrapFetchWithPayment as payAsOnce } from "x402-fetch";
import { privateKeyToAccount } from "viem/accounts";

const [client, url, method, body] = process.argv.slice(2);
const key = process.env.BUYER_KEY;

const paying = {
  today: async () => {
    const speaker = new x402Client();
    registerExactEvmScheme(speaker, { signer: privateKeyToAccount(key) });
    return payAsToday(fetch, speaker);
  },
  legacy: async () => payAsOnce(fetch, await createSigner("base-sepolia", key)),
};
const pay = await paying[client]();
const response = await pay(url, {
  method,
  ...(body ? { body, headers: { "Content-Type": "application/json" } } : {}),
});
console.log(
  JSON.stringify({
    status: response.status,
    body: await response.text(),
    proofs: ["PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE"].map((name) => response.headers.get(name)),
  }),
);
