// The promise that pays for one call: what is signed (EIP-3009), and the header that carries it
// (x402, version 2).

import { hex } from "./wallet.js";

const CLOCK_SKEW_SECONDS = 600; // as far back as the official clients date an authorization
const TERMS = [
  { name: "from", type: "address" },
  { name: "to", type: "address" },
  { name: "value", type: "uint256" },
  { name: "validAfter", type: "uint256" },
  { name: "validBefore", type: "uint256" },
  { name: "nonce", type: "bytes32" },
];
const DOMAIN = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
];

export function chainIdOf(offer) {
  return offer.network.split(":")[1];
}

/** The latest moment at which what is signed now can be taken. */
export function endOf(offer, now) {
  return now + offer.maxTimeoutSeconds;
}

export function authorizationOf(offer, from, now) {
  return {
    from,
    to: offer.payTo,
    value: offer.amount,
    validAfter: String(now - CLOCK_SKEW_SECONDS),
    validBefore: String(endOf(offer, now)),
    nonce: random(32),
  };
}

/** The authorization as EIP-712 has it, for the wallet. */
export function typedData(offer, authorization) {
  return {
    types: { EIP712Domain: DOMAIN, TransferWithAuthorization: TERMS },
    domain: {
      name: offer.extra.name,
      version: offer.extra.version,
      chainId: Number(chainIdOf(offer)),
      verifyingContract: offer.asset,
    },
    primaryType: "TransferWithAuthorization",
    message: authorization,
  };
}

/** PAYMENT-SIGNATURE; its offer is repeated as it was quoted, to the letter. */
export function headerOf({ resource }, offer, payload) {
  const identifier = `pay_${random(16).slice(2)}`;
  return base64({
    x402Version: 2,
    resource,
    accepted: offer,
    payload,
    extensions: { "payment-identifier": { info: { required: false, id: identifier } } },
  });
}

function random(bytes) {
  return hex(crypto.getRandomValues(new Uint8Array(bytes)));
}

function base64(value) {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
