// A browser's wallets: which there are, which account, which chain, and two kinds of signature.
// Every failure is an Error whose message can be shown as it stands.

const CANCELLED = 4001;
const UNKNOWN_CHAIN = 4902;
const ALREADY_OPEN = -32002;
const ANNOUNCED_WITHIN_MS = 150;

/** What the person said no to, which is no fault of anything. */
export class Cancelled extends Error {}

/** The wallets of this browser, each `{name, icon, provider}`; none is an empty list. */
export async function discover() {
  const found = new Map();
  const hear = ({ detail }) => {
    const { info, provider } = detail ?? {};
    if (provider && info?.uuid) {
      found.set(info.uuid, { name: info.name || "Wallet", icon: info.icon ?? "", provider });
    }
  };
  window.addEventListener("eip6963:announceProvider", hear);
  window.dispatchEvent(new Event("eip6963:requestProvider"));
  await new Promise((then) => setTimeout(then, ANNOUNCED_WITHIN_MS));
  window.removeEventListener("eip6963:announceProvider", hear);
  if (!found.size && window.ethereum) {
    return [{ name: "Browser wallet", icon: "", provider: window.ethereum }];
  }
  return [...found.values()];
}

/** The account the person lets us see. */
export async function connect(wallet) {
  const accounts = await ask(wallet, "eth_requestAccounts");
  if (!accounts?.length) throw new Error("The wallet showed no account. Choose one in it and try again.");
  return accounts[0];
}

/**
 * The number of the chain the wallet is on, as text. It matters to contract wallets only, so a
 * wallet may keep it to itself: that is an empty text.
 */
export async function chainOf(wallet) {
  try {
    return BigInt(await wallet.provider.request({ method: "eth_chainId" })).toString();
  } catch {
    return "";
  }
}

/**
 * Has the wallet on this chain, `{id, name, node}`. One that does not know it is asked to add it,
 * if there is a node for everybody, `{url, coin, explorer}`; else the person is told what to add.
 */
export async function ensureChain(wallet, chain) {
  if (await isOn(wallet, chain)) return;
  try {
    await change(wallet, chain);
  } catch (error) {
    if (error.code !== UNKNOWN_CHAIN) throw error;
    await add(wallet, chain);
    // Some wallets change to what they have added, and some do not (EIP-3085).
    if (!(await isOn(wallet, chain))) await change(wallet, chain);
  }
  if (!(await isOn(wallet, chain))) {
    throw new Error(`The wallet is on another chain. Choose ${chain.name} in it and try again.`);
  }
}

async function isOn(wallet, { id }) {
  return BigInt(await ask(wallet, "eth_chainId")) === BigInt(id);
}

function change(wallet, { id }) {
  return ask(wallet, "wallet_switchEthereumChain", [{ chainId: hexadecimal(id) }]);
}

async function add(wallet, { id, name, node }) {
  const byHand = new Error(`The wallet does not know ${name}. Add it there, its chain id is ${id}, and try again.`);
  if (!node) throw byHand;
  try {
    await ask(wallet, "wallet_addEthereumChain", [
      {
        chainId: hexadecimal(id),
        chainName: name,
        rpcUrls: [node.url],
        nativeCurrency: { name: node.coin, symbol: node.coin, decimals: 18 },
        blockExplorerUrls: [node.explorer],
      },
    ]);
  } catch (error) {
    throw error instanceof Cancelled || error.code === ALREADY_OPEN ? error : byHand;
  }
}

function hexadecimal(number) {
  return `0x${BigInt(number).toString(16)}`;
}

/** A signature over a text, which the wallet shows as it is (EIP-191). */
export function signMessage(wallet, address, text) {
  return ask(wallet, "personal_sign", [hex(new TextEncoder().encode(text)), address]);
}

/** A signature over EIP-712 typed data. */
export function signTypedData(wallet, address, typed) {
  return ask(wallet, "eth_signTypedData_v4", [address, JSON.stringify(typed)]);
}

/** 0x and two digits for each byte. */
export function hex(bytes) {
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

async function ask(wallet, method, params = []) {
  try {
    return await wallet.provider.request({ method, params });
  } catch (error) {
    // Some wallets wrap what the chain said in an error of their own.
    const code = error?.data?.originalError?.code ?? error?.code;
    throw worded(code, error?.message);
  }
}

function worded(code, said) {
  if (code === CANCELLED) return new Cancelled("Cancelled in the wallet. Nothing was signed.");
  const words = {
    [ALREADY_OPEN]: "The wallet is already asking you something. Open it and answer there first.",
  };
  return Object.assign(new Error(words[code] ?? `The wallet said: ${said || "no reason"}`), { code });
}
