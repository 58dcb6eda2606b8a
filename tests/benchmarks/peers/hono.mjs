// The official Hono middleware in front of the seller's endpoint.
import { serve } from "@hono/node-server";
import { paymentMiddleware, x402ResourceServer } from "@x402/hono";
import { Hono } from "hono";
import { port, resourceServer, routes, weather } from "./routes.mjs";

const app = new Hono();
app.use(paymentMiddleware(routes, resourceServer(x402ResourceServer)));
app.get("/weather", async (context) =>
  context.body(await weather(), 200, { "Content-Type": "application/json" }),
);
serve({ fetch: app.fetch, port, hostname: "127.0.0.1" });
