// A wallet for the demo chain: its key is made in this tab, and the site fills it with play money.
// It speaks as any browser wallet does (EIP-1193), so whatever pays with those pays with it.

import { getPublicKey, signAsync, utils } from "./vendor/noble/secp256k1.js";
import { keccak_256 } from "./vendor/noble/sha3.js";
import { post } from "./post.js";
import { hex } from "./wallet.js";

const KEPT = "souk-demo-key";
const EVEN_Y = 27; // what tokens expect the two recovery values to begin at

/** The demo's wallet: `network` is the demo chain's, `faucet` the address that fills it. */
export function demoWallet({ network, faucet }) {
  const chainId = `0x${Number(network.split(":")[1]).toString(16)}`;
  const answers = {
    eth_requestAccounts: async () => [await filled(faucet)],
    eth_chainId: async () => chainId,
    eth_signTypedData_v4: async ([, typed]) => sign(JSON.parse(typed)),
  };
  const request = ({ method, params }) => {
    if (!answers[method]) throw new Error(`The demo wallet does not know ${method}.`);
    return answers[method](params);
  };
  return { name: "the demo wallet", icon: "", provider: { request } };
}

async function filled(faucet) {
  const address = addressOf(key());
  await post(faucet, { address });
  return address;
}

function key() {
  const kept = sessionStorage.getItem(KEPT);
  if (kept) return bytes(kept);
  const made = utils.randomSecretKey();
  sessionStorage.setItem(KEPT, hex(made));
  return made;
}

function addressOf(secret) {
  const point = getPublicKey(secret, false).slice(1);
  return hex(keccak_256(point).slice(12));
}

async function sign(typed) {
  const signed = await signAsync(digest(typed), key(), { prehash: false, format: "recovered" });
  return hex([...signed.slice(1), EVEN_Y + signed[0]]);
}

// EIP-712, as far as flat structures go

function digest({ types, domain, primaryType, message }) {
  const parts = [struct("EIP712Domain", types, domain), struct(primaryType, types, message)];
  return keccak_256(joined([new Uint8Array([0x19, 0x01]), ...parts]));
}

function struct(name, types, value) {
  const fields = types[name];
  const written = `${name}(${fields.map((field) => `${field.type} ${field.name}`).join(",")})`;
  const words = fields.map((field) => word(field.type, value[field.name]));
  return keccak_256(joined([keccak_256(utf8(written)), ...words]));
}

function word(type, value) {
  if (type === "string") return keccak_256(utf8(value));
  if (type === "address" || type === "bytes32" || type === "uint256") {
    return bytes(BigInt(value).toString(16).padStart(64, "0"));
  }
  throw new Error(`The demo wallet does not sign a ${type}.`);
}

function utf8(text) {
  return new TextEncoder().encode(text);
}

function bytes(text) {
  return Uint8Array.from(text.replace(/^0x/, "").match(/../g), (pair) => parseInt(pair, 16));
}

function joined(parts) {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
