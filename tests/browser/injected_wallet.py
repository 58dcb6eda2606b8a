"""A wallet in the browser: announced as EIP-6963 says, with a real key behind it.

What it signs is signed here, by eth-account; the page sees the provider of any wallet extension.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct
from playwright.sync_api import Page

from tests.fixtures.cast import Person

_ANNOUNCE = """(() => {
  const provider = {
    request: async ({ method, params }) => {
      const said = JSON.parse(await window.testWalletAsked(JSON.stringify({ method, params })));
      if (said.error) throw Object.assign(new Error(said.error.message), { code: said.error.code });
      return said.result;
    },
    on() {}, removeListener() {},
  };
  const info = { uuid: "350670db-19fa-4704-a166-e52e178b59d2", name: "Test wallet",
    icon: "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>", rdns: "test.wallet" };
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider",
    { detail: Object.freeze({ info, provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})()"""


class Declined(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class InjectedWallet:
    """What the person at the wallet does: which account, which chain, yes or no."""

    person: Person
    chain_id: int = 84532
    known_chains: set[int] = field(default_factory=lambda: {1, 84532})
    refuses: set[str] = field(default_factory=set)  # methods answered with "no" (4001)
    lacks: set[str] = field(default_factory=set)  # methods it has never heard of
    added: list[dict[str, Any]] = field(default_factory=list)  # chains, as it was told of them
    asked: list[str] = field(default_factory=list)
    signed: list[dict[str, Any]] = field(default_factory=list)  # typed data, as it was shown

    def into(self, page: Page) -> None:
        """Be in every page that this tab opens from now on."""
        page.expose_function("testWalletAsked", self._hear)
        page.add_init_script(_ANNOUNCE)

    def _hear(self, question: str) -> str:
        asked = json.loads(question)
        method, params = asked["method"], asked.get("params") or []
        self.asked.append(method)
        try:
            if method in self.refuses:
                raise Declined(4001, "User rejected the request.")
            if method in self.lacks:
                raise Declined(-32601, f"The method {method} does not exist.")
            return json.dumps({"result": self._answer(method, params)})
        except Declined as declined:
            return json.dumps({"error": {"code": declined.code, "message": str(declined)}})

    def _answer(self, method: str, params: list[Any]) -> Any:
        match method:
            case "eth_requestAccounts" | "eth_accounts":
                return [self.person.address]
            case "eth_chainId":
                return hex(self.chain_id)
            case "wallet_switchEthereumChain":
                return self._switch(int(params[0]["chainId"], 16))
            case "wallet_addEthereumChain":  # and stays where it is, as EIP-3085 allows
                self.added.append(params[0])
                return self.known_chains.add(int(params[0]["chainId"], 16))
            case "personal_sign":
                return self._sign_text(bytes.fromhex(params[0][2:]), params[1])
            case "eth_signTypedData_v4":
                return self._sign_typed(params[0], json.loads(params[1]))
        raise Declined(-32601, f"The method {method} does not exist.")

    def _switch(self, chain_id: int) -> None:
        if chain_id not in self.known_chains:
            raise Declined(4902, "Unrecognized chain ID.")
        self.chain_id = chain_id

    def _sign_text(self, text: bytes, address: str) -> str:
        self._refuse_another(address)
        signed = Account.sign_message(encode_defunct(text), self.person.private_key)
        return f"0x{signed.signature.hex()}"

    def _sign_typed(self, address: str, typed: dict[str, Any]) -> str:
        self._refuse_another(address)
        if int(typed["domain"]["chainId"]) != self.chain_id:  # as the common extensions do
            raise Declined(-32603, "The chain ID must match the active chain ID.")
        self.signed.append(typed)
        signed = Account.sign_typed_data(self.person.private_key, full_message=typed)
        return f"0x{signed.signature.hex()}"

    def _refuse_another(self, address: str) -> None:
        if address.lower() != self.person.address.lower():
            raise Declined(4100, "The account is not the one this wallet shows.")
