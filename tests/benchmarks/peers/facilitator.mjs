// The official TypeScript facilitator behind Node's own HTTP server, viem's nonce manager on.
import { createServer } from "node:http";
import { x402Facilitator } from "@x402/core/facilitator";
import { toFacilitatorEvmSigner } from "@x402/evm";
import { ExactEvmScheme } from "@x402/evm/exact/facilitator";
import { createWalletClient, http, publicActions } from "viem";
import { nonceManager, privateKeyToAccount } from "viem/accounts";
import { baseSepolia } from "viem/chains";

const account = privateKeyToAccount(process.env.FACILITATOR_KEY, { nonceManager });
// The node's blocks come every second: viem asks for receipts at half of that, by its own rule.
const chain = { ...baseSepolia, blockTime: 1_000 };
const client = createWalletClient({
  account,
  chain,
  transport: http(process.env.RPC_URL),
}).extend(publicActions);
const signer = toFacilitatorEvmSigner({ ...client, address: account.address });
const facilitator = new x402Facilitator().register("eip155:84532", new ExactEvmScheme(signer));

const answers = {
  "/verify": (asked) => facilitator.verify(asked.paymentPayload, asked.paymentRequirements),
  "/settle": (asked) => facilitator.settle(asked.paymentPayload, asked.paymentRequirements),
  "/supported": async () => facilitator.getSupported(),
};

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const asked = chunks.length ? JSON.parse(Buffer.concat(chunks)) : {};
  let [status, said] = [200, {}];
  try {
    said = await answers[request.url](asked);
  } catch (error) {
    [status, said] = [500, { error: String(error) }];
  }
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(said));
}).listen(Number(process.env.PORT), "127.0.0.1", 4096);
