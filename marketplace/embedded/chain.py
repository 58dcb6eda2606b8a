"""The demo chain: a real EVM node of our own, with the dollar where unmodified clients expect it.

The dollar lies at the address of the test dollar on the public network of the same chain id, so
what is signed for this chain with a key of value would be valid there too: use demo keys only.
"""

import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from marketplace.embedded import rpc
from marketplace.embedded.anvil import ChainError
from marketplace.embedded.contracts import embedded_contract
from marketplace.embedded.demo_accounts import BUYER, FAUCET, RELAYER
from marketplace.embedded.ports import free_port, is_free
from marketplace.embedded.starting import dies_with_us, start_server

CHAIN_ID = 84_532
DOLLAR = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
DOLLAR_NAME, DOLLAR_VERSION = "USDC", "2"  # its EIP-712 domain, as clients know it
MULTICALL = "0xcA11bde05977b3631167028862bE2a173976CA11"
ONE_DOLLAR = 1_000_000
ONE_ETHER = 10**18

# At 2 s or less the node keeps 1,500 states whatever it is told: 3.4 GB after 18,000 blocks.
BLOCK_SECONDS = 3  # a transaction does not wait for it
EPOCH_BLOCKS = 4  # "safe" is this far behind the newest block, "finalized" twice as far
BLOCK_GAS_MAX = 400_000_000  # a block of the public network
# Every state kept holds all block hashes: with 16 states a block costs 5 kB for good, with 64 four
# times as much. Nothing older can be read back or reorganised.
HISTORY_BLOCKS = 16
STATE_SECONDS = 5  # what a killed node may forget
BUYER_DOLLARS = 100 * ONE_DOLLAR
GAS_ALLOWANCE = 100 * ONE_ETHER

# The contract of EIP-2935 stores a hash a block and every block copies its storage: without its
# code 5,000 blocks are mined in 0.3 s instead of 19 s.
BLOCK_HASH_HISTORY = "0x0000F90827F1C53a10cb7A02335B175320002935"

OWNER_GAS_MAX = 200_000

READY_SECONDS = 30.0
STOP_SECONDS = 4.0
RECEIPT_SECONDS = 10.0


class Anvil:
    """One node: how to start it, where it answers, how to stop it."""

    def __init__(
        self,
        binary: Path,
        *,
        state_dir: Path | None = None,
        port: int = 0,
        block_seconds: int = BLOCK_SECONDS,
        history_blocks: int = HISTORY_BLOCKS,
    ) -> None:
        self.binary = binary
        self.state_dir = state_dir
        self.port = port or free_port()
        self.block_seconds = block_seconds
        self.history_blocks = history_blocks

    @property
    def rpc_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def initialise(self) -> None:
        """Makes sure of the port and that what is loaded is whole; call it before every start.

        The node overwrites its state in place. Killed while writing, it leaves half a file behind,
        and then the state of its last start is what there is.
        """
        if not is_free(self.port):
            # Another node of ours may answer there, and would be taken for this one.
            raise ChainError(f"Port {self.port} is taken, and the demo chain was to answer there.")
        if self.state_dir is None:
            return
        self.state_dir.mkdir(parents=True, exist_ok=True)
        newest, older = self._state_file, self.state_dir / "state-of-last-start.json"
        if is_whole(newest):
            copy = older.with_suffix(".new")
            copy.write_bytes(newest.read_bytes())
            copy.replace(older)
        elif is_whole(older):
            newest.write_bytes(older.read_bytes())
        else:
            newest.unlink(missing_ok=True)

    def command(self) -> list[str]:
        """The node's command line; it dies with its starter where the kernel can see to it."""
        options = {
            "--host": "127.0.0.1",
            "--port": self.port,
            "--chain-id": CHAIN_ID,
            "--accounts": 0,
            "--slots-in-an-epoch": EPOCH_BLOCKS,
            "--gas-limit": BLOCK_GAS_MAX,
            "--prune-history": self.history_blocks,
            # Left alone, a reorganisation makes folders in the home directory.
            "--cache-path": self.state_dir or tempfile.gettempdir(),
        }
        if self.block_seconds:
            options["--block-time"] = self.block_seconds
        if self.state_dir is not None:
            options |= {"--state": self._state_file, "--state-interval": STATE_SECONDS}
        # One transaction may use 2^24 gas, as on the public network (EIP-7825).
        flags = ["--enable-tx-gas-limit", "--no-cors", "--quiet"]
        if self.block_seconds:
            flags.append("--mixed-mining")
        pairs = [str(part) for option in options.items() for part in option]
        return [*dies_with_us(), str(self.binary), *pairs, *flags]

    def popen_kwargs(self) -> dict[str, Any]:
        """How to start it: out of reach of the terminal's Ctrl-C."""
        return {"stdin": subprocess.DEVNULL, "start_new_session": True}

    def start(self, log: Path) -> subprocess.Popen[bytes]:
        """Starts the node and waits until it answers; its words go to the log."""
        return start_server(self, log)

    def wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Returns when the node answers, and that it is this node's chain."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            if process.poll() is not None:
                raise ChainError(
                    f"The demo chain's node ended while starting (code {process.returncode}); "
                    "its log says why."
                )
            try:
                require_demo_chain(self.rpc_url)
            except rpc.NodeSilentError as error:
                if time.monotonic() > deadline:
                    raise ChainError(
                        f"The demo chain's node was not ready after {READY_SECONDS:.0f} s."
                    ) from error
                time.sleep(0.02)
            else:
                return

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Ends the node; asked politely it saves its state first."""
        for order in (signal.SIGINT, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(order)
                try:
                    process.wait(timeout=STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    continue

    @property
    def _state_file(self) -> Path:
        assert self.state_dir is not None
        return self.state_dir / "state.json"


def prepare(rpc_url: str) -> None:
    """Puts the contracts in place and money into the demo's pockets; again is harmless."""
    require_demo_chain(rpc_url)
    rpc.call(rpc_url, "anvil_setCode", BLOCK_HASH_HISTORY, "0x")
    rpc.call(rpc_url, "anvil_setCode", MULTICALL, embedded_contract("multicall").runtime)
    place_dollar(rpc_url, DOLLAR, DOLLAR_NAME, DOLLAR_VERSION)
    for account in (RELAYER, FAUCET):
        rpc.call(rpc_url, "anvil_setBalance", account.address, hex(GAS_ALLOWANCE))
    if _total_supply(rpc_url) == 0:
        fund(rpc_url, BUYER.address, BUYER_DOLLARS, 0)


def fund(rpc_url: str, address: str, dollars_atomic: int, wei: int) -> None:
    """Gives an address demo dollars, freshly minted, and gas money."""
    require_demo_chain(rpc_url)
    if wei:
        owned = int(rpc.call(rpc_url, "eth_getBalance", address, "latest"), 16)
        rpc.call(rpc_url, "anvil_setBalance", address, hex(owned + wei))
    if dollars_atomic:
        # mint(address,uint256)
        data = f"0x40c10f19{int(address, 16):064x}{dollars_atomic:064x}"
        send_as_owner(rpc_url, data)


def send_as_owner(rpc_url: str, data: str) -> None:
    """Has the dollar's owner call it, and waits until that is in a block."""
    rpc.call(rpc_url, "anvil_impersonateAccount", FAUCET.address)
    question = {"from": FAUCET.address, "to": DOLLAR, "data": data, "gas": hex(OWNER_GAS_MAX)}
    rpc.call(rpc_url, "eth_call", question, "latest")  # a refusal is told here with its reason
    sent = rpc.call(rpc_url, "eth_sendTransaction", question)
    deadline = time.monotonic() + RECEIPT_SECONDS
    while (receipt := rpc.call(rpc_url, "eth_getTransactionReceipt", sent)) is None:
        if time.monotonic() > deadline:
            raise ChainError(f"The demo chain did not take {sent} into a block.")
        time.sleep(0.02)
    if int(receipt["status"], 16) != 1:
        raise ChainError(f"The demo dollar refused what its owner asked ({sent}).")


def place_dollar(rpc_url: str, address: str, name: str, version: str) -> None:
    """Writes the dollar's code and constructor's state at an address of our choice."""
    contract = embedded_contract("dollar")
    rpc.call(rpc_url, "anvil_setCode", address, contract.runtime)
    words = {contract.storage["owner"]: int(FAUCET.address, 16)}
    for field, text in (("name", name), ("version", version)):
        # Vyper keeps a short string as its length and, in the next slot, its bytes from the left.
        slot, raw = contract.storage[field], text.encode()
        words |= {slot: len(raw), slot + 1: int.from_bytes(raw.ljust(32, b"\0"))}
    for slot, word in words.items():
        rpc.call(rpc_url, "anvil_setStorageAt", address, hex(slot), f"0x{word:064x}")


def require_demo_chain(rpc_url: str) -> None:
    """Refuses every node that is not a throw-away one on the demo's chain id."""
    client = str(rpc.call(rpc_url, "web3_clientVersion"))
    chain_id = int(rpc.call(rpc_url, "eth_chainId"), 16)
    if not client.startswith("anvil") or chain_id != CHAIN_ID:
        raise ChainError(
            f"{rpc_url} is no demo chain: it says {client!r}, chain {chain_id}. The demo chain is "
            f"anvil on chain {CHAIN_ID}."
        )


def is_whole(state: Path) -> bool:
    """True for a state file that was written to its end: hex text in balanced braces."""
    try:
        written = state.read_bytes()
    except FileNotFoundError:
        return False
    return bool(written) and written.count(b"{") == written.count(b"}")


def _total_supply(rpc_url: str) -> int:
    question = {"to": DOLLAR, "data": "0x18160ddd"}  # totalSupply()
    return int(rpc.call(rpc_url, "eth_call", question, "latest"), 16)
