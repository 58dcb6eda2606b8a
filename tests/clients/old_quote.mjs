// What the last program of version 1 and today's make of a quote: each says what it would pay.
import { parsePaymentRequired } from "@x402/core/schemas";
import { HTTPRequestStructureSchema, PaymentRequirementsSchema } from "x402/types";
import { selectPaymentRequirements } from "x402/client";

const quote = JSON.parse(process.argv[2]);
const today = parsePaymentRequired(quote);
const legacy = quote.accepts.map((entry) => PaymentRequirementsSchema.parse(entry));
console.log(
  JSON.stringify({
    today: today.success ? today.data : String(today.error),
    legacy,
    chosen: selectPaymentRequirements(legacy, undefined, "exact"),
    input: legacy.map((entry) => HTTPRequestStructureSchema.parse(entry.outputSchema.input)),
  }),
);
