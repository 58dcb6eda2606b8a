"""The rows of the report: one file each, listed here in the report's order.

A new row is a file with a class as below and its name in `ROWS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from tests.benchmarks.report import Line
from tests.benchmarks.rows.catalog import CatalogSearch
from tests.benchmarks.rows.demo import DemoStart
from tests.benchmarks.rows.earnings import EarningsPage
from tests.benchmarks.rows.gas import GasOfABatch
from tests.benchmarks.rows.hold import HoldAgainstOfficial
from tests.benchmarks.rows.instant import InstantAgainstOfficial
from tests.benchmarks.rows.latency import HoldLatency
from tests.benchmarks.rows.plain_proxy import ShareOfPlainProxy
from tests.benchmarks.rows.processor import ProcessorPerCall
from tests.benchmarks.rows.receipts import ReceiptsPage
from tests.benchmarks.rows.unpaid import UnpaidQuotes
from tests.benchmarks.stage import Round


class Row(Protocol):
    """One subject of the report."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        ...

    @property
    def needs(self) -> Sequence[str]:
        """The programs of the machine it uses, of `tools.MISSING`."""
        ...

    def collect(self, this_round: Round) -> dict[str, float]:
        """Measure once; every figure by its name."""
        ...

    def lines(self, samples: Sequence[dict[str, float]]) -> list[Line]:
        """What the rounds together say."""
        ...


ROWS: Final[tuple[Row, ...]] = (
    InstantAgainstOfficial(),
    HoldAgainstOfficial(),
    HoldLatency(),
    UnpaidQuotes(),
    ProcessorPerCall(),
    ShareOfPlainProxy(),
    GasOfABatch(),
    EarningsPage(),
    ReceiptsPage(),
    CatalogSearch(),
    DemoStart(),
)
