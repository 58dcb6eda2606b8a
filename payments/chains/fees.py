"""What to bid for a place in the next block."""

from payments.chains import Block, ChainUnavailable, Fees, RpcError
from payments.chains.answers import Question, block, quantity
from payments.chains.endpoints import Endpoints

# The base fee rises by at most an eighth per block (EIP-1559): twice it lasts for six blocks.
_BASE_FEE_HEADROOM = 2


async def fees(endpoints: Endpoints, cap_wei: int) -> Fees:
    """Read the base fee and the usual tip; bid for both, never above the cap."""
    questions: list[Question[Block | int]] = [
        Question("eth_getBlockByNumber", ("latest", False), block),
        Question("eth_gasPrice", (), quantity),
        Question("eth_maxPriorityFeePerGas", (), quantity),
    ]
    head, gas_price, tip = await endpoints.ask(questions)
    if not isinstance(head, Block) or not isinstance(gas_price, int):
        raise ChainUnavailable("the node does not tell its fees")
    if isinstance(tip, RpcError) or not isinstance(tip, int):
        # Nodes without that method still price a whole transaction.
        tip = max(gas_price - head.base_fee_wei, 0)
    max_fee_wei = min(_BASE_FEE_HEADROOM * head.base_fee_wei + tip, cap_wei)
    return Fees(max_fee_wei, min(tip, max_fee_wei), head.base_fee_wei)
