"""The demo chain's life: started, prepared, stopped, killed, started again."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from marketplace.embedded import rpc
from marketplace.embedded.anvil import ChainError
from marketplace.embedded.chain import (
    BLOCK_HASH_HISTORY,
    BUYER_DOLLARS,
    DOLLAR,
    MULTICALL,
    Anvil,
    fund,
    is_whole,
    prepare,
    require_demo_chain,
)
from marketplace.embedded.demo_accounts import BUYER, FAUCET, RELAYER, demo_account
from tests.fixtures.chain import Chain

Started = tuple[Chain, subprocess.Popen[bytes]]
PATIENCE_SECONDS = 30.0


@pytest.fixture
def start(anvil_binary: Path, tmp_path: Path) -> Iterator[Callable[[], Started]]:
    """Starts the node as the demo does, again and again on the same state."""
    running: list[tuple[Anvil, subprocess.Popen[bytes]]] = []

    def run() -> Started:
        anvil = Anvil(anvil_binary, state_dir=tmp_path / "chain")
        process = anvil.start(tmp_path / "anvil.log")
        running.append((anvil, process))
        return Chain(anvil.rpc_url), process

    yield run
    for anvil, process in running:
        anvil.stop(process)


def finish(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    process.send_signal(how)
    process.wait(timeout=PATIENCE_SECONDS)


def test_it_offers_what_unmodified_clients_look_for(start: Callable[[], Started]) -> None:
    chain, _ = start()
    prepare(chain.rpc_url)
    assert int(chain.rpc("eth_chainId"), 16) == 84532
    assert len(chain.rpc("eth_getCode", [DOLLAR, "latest"])) > 1000
    assert len(chain.rpc("eth_getCode", [MULTICALL, "latest"])) > 500
    assert chain.atomic_of(BUYER.address) == BUYER_DOLLARS
    for account in (RELAYER, FAUCET):
        assert int(chain.rpc("eth_getBalance", [account.address, "latest"]), 16) > 0


def test_a_transaction_does_not_wait_for_the_clock(start: Callable[[], Started]) -> None:
    chain, _ = start()
    prepare(chain.rpc_url)
    before = chain.height
    receipt = chain.receipt(chain.send(DOLLAR, "0x5c975abb"))
    assert int(receipt["blockNumber"], 16) > before


def test_blocks_come_without_transactions_too(start: Callable[[], Started]) -> None:
    chain, _ = start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while chain.height < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert chain.block(2)["transactions"] == []


def test_safe_and_final_blocks_lag(start: Callable[[], Started]) -> None:
    chain, _ = start()
    chain.mine(20)
    assert chain.height - int(chain.block("safe")["number"], 16) in (4, 5)
    assert chain.height - int(chain.block("finalized")["number"], 16) in (8, 9)


def test_preparing_again_changes_nothing(start: Callable[[], Started]) -> None:
    chain, _ = start()
    prepare(chain.rpc_url)
    fund(chain.rpc_url, FAUCET.address, 7, 0)
    prepare(chain.rpc_url)
    assert chain.atomic_of(BUYER.address) == BUYER_DOLLARS
    assert chain.atomic_of(FAUCET.address) == 7


def test_funding_adds_to_what_is_there(start: Callable[[], Started]) -> None:
    chain, _ = start()
    prepare(chain.rpc_url)
    somebody = demo_account("somebody").address
    fund(chain.rpc_url, somebody, 3, 5)
    fund(chain.rpc_url, somebody, 4, 6)
    assert chain.atomic_of(somebody) == 7
    assert int(chain.rpc("eth_getBalance", [somebody, "latest"]), 16) == 11


def test_the_dollars_own_refusal_of_a_gift_is_told(start: Callable[[], Started]) -> None:
    chain, _ = start()
    prepare(chain.rpc_url)
    with pytest.raises(rpc.NodeRefusedError, match="mint to the zero address"):
        fund(chain.rpc_url, "0x" + "0" * 40, 1, 0)


def test_a_restart_keeps_blocks_money_and_receipts(start: Callable[[], Started]) -> None:
    chain, process = start()
    prepare(chain.rpc_url)
    sent = chain.send(DOLLAR, "0x5c975abb")
    receipt, head = chain.receipt(sent), chain.block("latest")
    finish(process, signal.SIGINT)
    again, _ = start()
    prepare(again.rpc_url)
    assert again.receipt(sent)["blockHash"] == receipt["blockHash"]
    assert again.block(int(head["number"], 16))["hash"] == head["hash"]
    assert again.atomic_of(BUYER.address) == BUYER_DOLLARS
    (minted,) = again.rpc("eth_getLogs", [{"address": DOLLAR, "fromBlock": "0x0"}])[:1]
    assert minted["blockHash"]
    again.fund(BUYER.address, 1)
    assert again.atomic_of(BUYER.address) == BUYER_DOLLARS + 1_000_000


def test_a_kill_loses_no_more_than_the_last_seconds(
    start: Callable[[], Started], tmp_path: Path
) -> None:
    chain, process = start()
    prepare(chain.rpc_url)
    state = tmp_path / "chain" / "state.json"
    mark = demo_account("mark").address
    fund(chain.rpc_url, mark, 1, 0)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (is_whole(state) and mark[2:].lower() in state.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    finish(process, signal.SIGKILL)
    again, _ = start()
    assert again.atomic_of(mark) == 1


def test_a_state_cut_in_half_is_replaced_by_the_one_before(
    start: Callable[[], Started], tmp_path: Path
) -> None:
    chain, process = start()
    prepare(chain.rpc_url)
    finish(process, signal.SIGINT)
    chain, process = start()
    fund(chain.rpc_url, FAUCET.address, 7, 0)
    finish(process, signal.SIGINT)
    state = tmp_path / "chain" / "state.json"
    state.write_bytes(state.read_bytes()[: state.stat().st_size // 2])
    again, _ = start()
    assert again.atomic_of(BUYER.address) == BUYER_DOLLARS
    assert again.atomic_of(FAUCET.address) == 0


def test_without_any_whole_state_it_starts_afresh(
    start: Callable[[], Started], tmp_path: Path
) -> None:
    (tmp_path / "chain").mkdir()
    (tmp_path / "chain" / "state.json").write_text('{"block":{')
    chain, _ = start()
    assert chain.height == 0


def test_a_taken_port_is_told(anvil_binary: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        with pytest.raises(ChainError, match=f"Port {port} is taken"):
            Anvil(anvil_binary, port=port).start(tmp_path / "anvil.log")


def test_a_node_that_does_not_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(ChainError, match=r"ended while starting \(code 1\)"):
        Anvil(Path("/bin/false")).start(tmp_path / "anvil.log")


def test_a_stopped_node_is_gone(anvil_binary: Path, tmp_path: Path) -> None:
    anvil = Anvil(anvil_binary)
    process = anvil.start(tmp_path / "anvil.log")
    require_demo_chain(anvil.rpc_url)
    anvil.stop(process)
    assert process.returncode is not None
    with pytest.raises(rpc.NodeSilentError):
        require_demo_chain(anvil.rpc_url)


def test_block_hashes_are_not_hoarded(start: Callable[[], Started]) -> None:
    chain, _ = start()
    prepare(chain.rpc_url)
    height = chain.height
    chain.mine(50)
    slot = f"0x{height + 1:064x}"
    assert int(chain.rpc("eth_getStorageAt", [BLOCK_HASH_HISTORY, slot, "latest"]), 16) == 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_hours_of_empty_blocks_stay_small(start: Callable[[], Started]) -> None:
    chain, process = start()
    prepare(chain.rpc_url)
    for _ in range(18):  # what one and a half hours bring
        chain.mine(100)
    status = Path(f"/proc/{process.pid}/status").read_text()
    resident_kilobytes = int(status.partition("VmRSS:")[2].split()[0])
    assert resident_kilobytes < 100_000


def test_demo_keys_are_nobody_elses() -> None:
    well_known = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    addresses = {demo_account(role).address for role in ("relayer", "faucet", "buyer")}
    assert len(addresses) == 3
    assert well_known not in addresses
    assert demo_account("relayer") == RELAYER
    assert RELAYER.private_key not in repr(RELAYER)
