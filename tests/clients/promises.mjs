// The official verifier on our signatures: the key is looked up by the `kid` alone, as others do.
import {
  decodeSignedOffers,
  extractOffersFromPaymentRequired,
  findAcceptsObjectFromSignedOffer,
  verifyOfferSignatureJWS,
  verifyReceiptMatchesOffer,
  verifyReceiptSignatureJWS,
} from "@x402/extensions/offer-receipt";

const [quote, receipt, payer] = process.argv.slice(2);
const required = JSON.parse(Buffer.from(quote, "base64"));
const offers = extractOffersFromPaymentRequired(required);
const promises = await Promise.all(offers.map((offer) => verifyOfferSignatureJWS(offer)));
const signed = { format: "jws", signature: receipt };
const decoded = decodeSignedOffers(offers);
console.log(
  JSON.stringify({
    promises,
    accepts: decoded.map((offer) => findAcceptsObjectFromSignedOffer(offer, required.accepts)),
    receipt: await verifyReceiptSignatureJWS(signed),
    receiptMatches: decoded.map((offer) => verifyReceiptMatchesOffer(signed, offer, [payer])),
  }),
);
