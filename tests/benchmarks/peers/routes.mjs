// What both Node middlewares sell, and how they reach the seller.
import { Agent, request } from "undici";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/server";

const NETWORK = "eip155:84532";
const agent = new Agent({ connections: 600, pipelining: 1 });

export const port = Number(process.env.PORT);

export const routes = {
  "GET /weather": {
    accepts: {
      scheme: "exact",
      price: process.env.PRICE,
      network: NETWORK,
      payTo: process.env.PAY_TO,
    },
    description: "The weather of a city now.",
  },
};

export function resourceServer(Server) {
  const facilitator = new HTTPFacilitatorClient({ url: process.env.FACILITATOR });
  return new Server(facilitator).register(NETWORK, new ExactEvmScheme());
}

export async function weather() {
  const { body } = await request(process.env.UPSTREAM_URL, { dispatcher: agent });
  return await body.text();
}
