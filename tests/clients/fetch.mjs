// The official TypeScript client with its default settings: one call, its answer as JSON.
import { decodePaymentResponseHeader, wrapFetchWithPaymentFromConfig } from "@x402/fetch";
import { ExactEvmScheme } from "@x402/evm";
import { privateKeyToAccount } from "viem/accounts";

const [url, method, body] = process.argv.slice(2);
const account = privateKeyToAccount(process.env.BUYER_KEY);
const pay = wrapFetchWithPaymentFromConfig(fetch, {
  schemes: [{ network: "eip155:*", client: new ExactEvmScheme(account) }],
});
const response = await pay(url, {
  method,
  ...(body ? { body, headers: { "Content-Type": "application/json" } } : {}),
});
const proof = response.headers.get("PAYMENT-RESPONSE");
console.log(
  JSON.stringify({
    status: response.status,
    body: await response.text(),
    settlement: proof && decodePaymentResponseHeader(proof),
  }),
);
