// The official Express middleware in front of the seller's endpoint.
import express from "express";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import { port, resourceServer, routes, weather } from "./routes.mjs";

const app = express();
app.disable("x-powered-by");
app.use(paymentMiddleware(routes, resourceServer(x402ResourceServer)));
app.get("/weather", async (_, response) => response.type("json").send(await weather()));
app.listen(port, "127.0.0.1", 4096);
