"""The one chain that everybody settles on, and somebody who watches it."""

from __future__ import annotations

import asyncio
import http.client
import subprocess
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from marketplace.embedded import rpc
from marketplace.embedded.chain import DOLLAR, ONE_DOLLAR, ONE_ETHER, Anvil, prepare
from marketplace.embedded.demo_accounts import FAUCET
from tests.benchmarks.signing import keccak256

BLOCK_SECONDS = 1
HISTORY_BLOCKS = 512
USED = "0x" + keccak256(b"AuthorizationUsed(address,bytes32)").hex()
PURSE_DOLLARS = 10_000
GAS_MONEY_WEI = 1_000_000 * ONE_ETHER
QUESTION_SECONDS = 120.0


class SteadyAnvil(Anvil):
    """A node that makes a block every second and at no other time, as public chains do."""

    def command(self) -> list[str]:
        return [part for part in super().command() if part != "--mixed-mining"]


class Node:
    """The running node: what it is asked outside the measured time."""

    def __init__(self, rpc_url: str, pid: int) -> None:
        self.rpc_url = rpc_url
        self.websocket_url = rpc_url.replace("http://", "ws://")
        self.pid = pid

    def ask(self, method: str, *params: Any) -> Any:
        return rpc.call(self.rpc_url, method, *params)

    @property
    def height(self) -> int:
        return int(self.ask("eth_blockNumber"), 16)

    def fuel(self, relayers: Iterable[str]) -> None:
        """Give whoever settles more gas money than they can use."""
        for address in relayers:
            self.ask("anvil_setBalance", address, hex(GAS_MONEY_WEI))

    def fund(self, purses: Sequence[str]) -> None:
        """Give every buyer dollars."""
        self.ask("anvil_impersonateAccount", FAUCET.address)
        sent = [self._mint(address) for address in purses]
        deadline = time.monotonic() + QUESTION_SECONDS
        while self.ask("eth_getTransactionReceipt", sent[-1]) is None:
            if time.monotonic() > deadline:
                raise TimeoutError("the node took the buyers' money into no block")
            time.sleep(0.05)

    def _mint(self, address: str) -> str:
        # mint(address,uint256)
        data = f"0x40c10f19{int(address, 16):064x}{PURSE_DOLLARS * ONE_DOLLAR:064x}"
        question = {"from": FAUCET.address, "to": DOLLAR, "data": data, "gas": hex(200_000)}
        return str(self.ask("eth_sendTransaction", question))

    def used_nonces(self, first: int, last: int) -> dict[bytes, tuple[int, str]]:
        """Every authorization used in these blocks: its block, and the transaction."""
        found: dict[bytes, tuple[int, str]] = {}
        for block in range(first, last + 1):
            wanted = {
                "fromBlock": hex(block),
                "toBlock": hex(block),
                "address": DOLLAR,
                "topics": [USED],
            }
            for log in self._ask_at_length("eth_getLogs", wanted):
                nonce = bytes.fromhex(log["topics"][2][2:])
                found[nonce] = (block, log["transactionHash"])
        return found

    def _ask_at_length(self, method: str, *params: Any) -> Any:
        """As `ask`, for answers of many megabytes."""
        port = int(self.rpc_url.rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=QUESTION_SECONDS)
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            connection.request("POST", "/", body, {"content-type": "application/json"})
            return orjson.loads(connection.getresponse().read())["result"]
        finally:
            connection.close()


@contextmanager
def running_node(binary: Path, log: Path) -> Iterator[Node]:
    """A node with the dollar in its place."""
    anvil = SteadyAnvil(binary, block_seconds=BLOCK_SECONDS, history_blocks=HISTORY_BLOCKS)
    process: subprocess.Popen[bytes] = anvil.start(log)
    try:
        prepare(anvil.rpc_url)
        yield Node(anvil.rpc_url, process.pid)
    finally:
        anvil.stop(process)


class Observer:
    """Somebody else who listens to the node, and writes down when it heard what."""

    def __init__(self) -> None:
        self.heads: dict[int, float] = {}
        self.pending: dict[str, float] = {}
        self._heard = asyncio.Event()

    async def next_head(self) -> int:
        """The number of the next block, as soon as it is heard of."""
        self._heard.clear()
        await self._heard.wait()
        return max(self.heads)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse, heads: str) -> None:
        async for message in socket:
            now = time.monotonic()
            told = orjson.loads(message.data).get("params")
            if told is None:
                continue
            if told["subscription"] == heads:
                self.heads.setdefault(int(told["result"]["number"], 16), now)
                self._heard.set()
            else:
                self.pending.setdefault(told["result"], now)


@asynccontextmanager
async def observing(node: Node, *, transactions: bool = False) -> AsyncIterator[Observer]:
    """Listen to new heads, and if asked for to each transaction that the node accepts."""
    observer = Observer()
    async with aiohttp.ClientSession() as client, client.ws_connect(node.websocket_url) as socket:
        heads = await _subscribe(socket, "newHeads")
        if transactions:
            await _subscribe(socket, "newPendingTransactions")
        listening = asyncio.create_task(observer._listen(socket, heads))
        try:
            yield observer
        finally:
            listening.cancel()


async def _subscribe(socket: aiohttp.ClientWebSocketResponse, what: str) -> str:
    question = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": [what]}
    await socket.send_str(orjson.dumps(question).decode())
    while True:
        answer = orjson.loads((await socket.receive()).data)
        if "result" in answer:
            return str(answer["result"])
