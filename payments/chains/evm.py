"""An EVM chain, spoken to over JSON-RPC.

web3 is absent on purpose: see rpc.py for the transport and abi.py for the packing. One object
serves one event loop.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Literal, TypeVar

import aiohttp

from payments.chains import (
    Block,
    BlockTag,
    Call,
    Chain,
    ChainUnavailable,
    Fees,
    FoundLog,
    RpcError,
    SendAnswer,
    Simulation,
    TokenFacts,
    Topic,
    TransactionReceipt,
)
from payments.chains.answers import Question, block, block_or_none, known, quantity, receipt
from payments.chains.codes import CodeMemory, code_at
from payments.chains.endpoints import Endpoints
from payments.chains.fees import fees
from payments.chains.heads import HeadSocket, new_heads
from payments.chains.logs import LogSearch
from payments.chains.multicall import Multicall, read_of
from payments.chains.rpc import Endpoint
from payments.chains.sending import send
from payments.chains.simulation import Simulator
from payments.chains.tokens import Tokens, is_unused, state_of

T = TypeVar("T")

RECEIPTS_PER_BATCH = 100


class EvmChain(Chain):
    """One EVM chain behind one or more nodes."""

    def __init__(
        self,
        network: str,
        chain_id: int,
        endpoints: Sequence[str],
        *,
        open_client: Callable[[str], aiohttp.ClientSession],
        multicall: str,
        timeout_seconds: float,
        response_bytes_max: int,
        websocket_url: str = "",
        head_poll_seconds: float = 0.5,
        log_range_blocks: int = 2_000,
        # For nodes without the tags. Generous: Base is final after about 20 minutes.
        safe_depth_blocks: int = 100,
        finalized_depth_blocks: int = 1_000,
    ) -> None:
        self.network = network
        self.chain_id = chain_id
        self._head_poll_seconds = head_poll_seconds
        self._depths = {"safe": safe_depth_blocks, "finalized": finalized_depth_blocks}
        self._endpoints = Endpoints(
            [
                Endpoint(
                    url,
                    f"{network} endpoint {position}",
                    chain_id,
                    open_client=open_client,
                    timeout_seconds=timeout_seconds,
                    response_bytes_max=response_bytes_max,
                )
                for position, url in enumerate(endpoints, start=1)
            ]
        )
        self._socket = None
        if websocket_url:
            self._socket = HeadSocket(
                websocket_url,
                chain_id,
                open_client=open_client,
                timeout_seconds=timeout_seconds,
                message_bytes_max=response_bytes_max,
            )
        self._codes = CodeMemory()
        self._simulator = Simulator(self._endpoints, multicall, self._codes)
        self._multicall = Multicall(self._endpoints, multicall)
        self._tokens = Tokens(self._multicall)
        self._logs = LogSearch(self._endpoints, log_range_blocks)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._simulator.close()
        await self._endpoints.close()

    async def head(self) -> Block:
        """Return the newest block; it may be older than one seen before, without a reorg."""
        return await self._endpoints.one(_block_question("latest", block))

    async def block(self, which: int | BlockTag) -> Block | None:
        """Return the block of a height or tag, or None when the node has none there yet."""
        name = which if isinstance(which, str) else hex(which)
        (found,) = await self._endpoints.ask([_block_question(name, block_or_none)])
        if isinstance(found, Block):
            self._depths.pop(name, None)
            return found
        if name in self._depths:
            # A node that never served this tag may lack it: depth stands in.
            behind = max((await self.head()).number - self._depths[name], 0)
            return await self._endpoints.one(_block_question(hex(behind), block_or_none))
        if isinstance(found, RpcError):
            raise ChainUnavailable(f"eth_getBlockByNumber: {found}")
        return found

    async def is_canonical(self, number: int, block_hash: bytes) -> bool:
        """Say whether the chain's block at this height is this one."""
        found = await self.block(number)
        if found is None:
            # A node that fell behind has not reorganised anything.
            raise ChainUnavailable(f"the node has not reached block {number}")
        return found.hash == block_hash

    async def simulate(self, call: Call, payer: str, *, afresh: bool = False) -> Simulation:
        """Try the call on the newest state: balance, nonce and signature in one answer."""
        return await self._simulator.simulate(call, payer, afresh=afresh)

    async def has_code(self, address: str) -> bool:
        """Say whether a contract (or a delegated account) answers for it, or did a moment ago."""
        remembered = self._codes.recall(address)
        if remembered is not None:
            return remembered
        has_code = bool(await self._endpoints.one(code_at(address)))
        self._codes.note(address, has_code)
        return has_code

    async def authorization_states(
        self, token: str, authorizations: Sequence[tuple[str, bytes]], block: int | BlockTag
    ) -> list[bool]:
        """Say for many (payer, nonce) whether the token has seen them used or cancelled."""
        name = await self._name_of(block)
        return await self._tokens.authorization_states(token, authorizations, name)

    async def token_balances(self, token: str, owners: Sequence[str]) -> list[int]:
        """Say how much of a token each of these has on the newest state."""
        return await self._tokens.balances(token, owners)

    async def token_facts(self, token: str) -> TokenFacts:
        """Read what a token says about itself, for the doctor."""
        return await self._tokens.facts(token)

    async def send(self, raw: bytes) -> SendAnswer:
        """Hand a signed transaction to a node; the same bytes may be sent again at any time."""
        return await send(self._endpoints, raw)

    async def knows(self, transaction: bytes) -> bool:
        """Say whether a node has this transaction, mined or waiting."""
        hash_hex = f"0x{transaction.hex()}"
        return await self._endpoints.one(Question("eth_getTransactionByHash", (hash_hex,), known))

    async def receipts(self, transactions: Sequence[bytes]) -> list[TransactionReceipt | None]:
        """Return the receipts of mined transactions, None for the others."""
        found: list[TransactionReceipt | None] = []
        for start in range(0, len(transactions), RECEIPTS_PER_BATCH):
            questions = [
                _receipt_question(each) for each in transactions[start : start + RECEIPTS_PER_BATCH]
            ]
            found += await self._endpoints.all(questions)
        return found

    async def has_any(self, transactions: Sequence[bytes]) -> bool:
        """Say whether any endpoint has a receipt of one of these."""
        for each in transactions:
            said = await self._endpoints.every(_receipt_question(each))
            if any(isinstance(receipt, TransactionReceipt) for receipt in said):
                return True
        return False

    async def agreed_receipt(self, transaction: bytes) -> TransactionReceipt | None:
        """Return a receipt on which two configured endpoints agree, and no other differs."""
        said = await self._endpoints.every(_receipt_question(transaction))
        found = [each for each in said if isinstance(each, TransactionReceipt)]
        silent = [each for each in said if isinstance(each, ChainUnavailable)]
        differ = any(each.outcome != found[0].outcome for each in found)
        if len(found) >= min(2, len(said)) and not differ:
            return found[0]
        if silent and not differ:
            raise silent[0]
        if found:
            raise ChainUnavailable(f"{self.network}: the endpoints disagree about a receipt")
        return None

    async def agreed_unused(self, token: str, payer: str, nonce: bytes, final: Block) -> bool:
        """Say whether two endpoints hold this block and an unused nonce, and no other differs.

        What is unused now was unused in that block. A node that has not come so far, or does not
        answer, says nothing.
        """
        blocks = await self._endpoints.every(_block_question(hex(final.number), block_or_none))
        states = await self._endpoints.every(state_of(token, payer, nonce))
        agreeing = 0
        for there, state in zip(blocks, states, strict=True):
            if not isinstance(there, Block) or isinstance(state, ChainUnavailable):
                continue
            if there.hash != final.hash or not is_unused(state):
                return False
            agreeing += 1
        return agreeing >= min(2, len(blocks))

    async def logs(
        self, address: str, topics: Sequence[Topic], from_block: int, to_block: int
    ) -> list[FoundLog]:
        """Find a contract's events in a range of blocks the node has reached."""
        return await self._logs.find(address, topics, from_block, to_block)

    async def fees(self, *, cap_wei: int) -> Fees:
        """Say what to bid for a place in the next block."""
        return await fees(self._endpoints, cap_wei)

    async def nonce(self, address: str, tag: Literal["latest", "pending"]) -> int:
        """Return how many transactions an account has sent."""
        question = Question("eth_getTransactionCount", (address, tag), quantity)
        return await self._endpoints.one(question)

    async def balance(self, address: str) -> int:
        """Return an account's gas money in wei."""
        return await self._endpoints.one(Question("eth_getBalance", (address, "latest"), quantity))

    async def call(self, to: str, data: bytes, block: int | BlockTag = "latest") -> bytes:
        """Read from a contract; a revert is an RpcError."""
        name = await self._name_of(block)
        (answer,) = await self._endpoints.ask([read_of(to, data, name)])
        if isinstance(answer, RpcError):
            raise answer
        return answer

    async def read_in_turn(self, calls: Sequence[tuple[str, bytes]]) -> list[bytes | None]:
        """Read from contracts one after the other, on one state that is thrown away after it."""
        return await self._multicall.read(calls, "latest")

    async def heads(self) -> AsyncGenerator[Block, None]:
        """Tell each new head as it comes; outlives outages in silence."""
        async with aclosing(new_heads(self.head, self._socket, self._head_poll_seconds)) as heads:
            async for head in heads:
                yield head

    async def _name_of(self, block: int | BlockTag) -> str:
        """Name a block to a node, which may lack the tags."""
        if block == "latest":
            return "latest"
        if isinstance(block, int):
            return hex(block)
        found = await self.block(block)
        if found is None:
            raise ChainUnavailable(f"the node has no {block} block")
        return hex(found.number)


def _block_question(name: str, read: Callable[[object], T]) -> Question[T]:
    return Question("eth_getBlockByNumber", (name, False), read)


def _receipt_question(transaction: bytes) -> Question[TransactionReceipt | None]:
    return Question("eth_getTransactionReceipt", (f"0x{transaction.hex()}",), receipt)
