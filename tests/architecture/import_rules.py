"""Who may import whom, and what must stay pure (docs: the order of the rooms)."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.architecture.tree import Module, imports, modules

# From the top; a module may import its own room and what stands further down.
FLOORS = (
    ("marketplace.calls", "marketplace.access"),
    ("sellers",),
    ("payments",),
    ("payments.chains", "payments.egress", "payments.ids"),
    ("payments.x402",),
)
SURFACES = tuple(
    f"marketplace.{room}" for room in ("gateway", "catalog", "accounts", "buyers", "moderation")
)
# Inside payments, from the top: a file on a line may not import one of an earlier line. A file of
# a folder is named by itself where it stands lower.
PAYMENTS_LINES = (
    ("tasks", "urls", "views", "admin", "apps", "settling.engine", "settling.settler", "handover"),
    ("acceptance", "settling.settlement", "settling.lookout", "erasing", "own_data"),
    ("limits", "presented", "health", "live", "books", "settling.unpaid", "migrations"),
    # What hangs together by the terms that `wiring` reads and the desk that settlers work at.
    (
        *("wiring", "settling", "relaying", "facilitators", "receipts", "reports", "documents"),
        *("surroundings", "missing", "counter", "rates", "wallets", "disputes", "refunds"),
        *("auditing", "restored", "identifiers"),
    ),
    (
        *("cut_streams", "earnings", "exposure.risk", "lookup", "moves", "outbox"),
        *("settling.stuck", "relaying.relayer", "relaying.gas", "relaying.numbers"),
        "facilitators.calls",
    ),
    (
        *("states", "ledger", "marks", "audit_log", "live.wakeups"),
        *("database.outage", "database.partitions", "database.retention"),
    ),
    ("models",),
    (
        *("addresses", "amounts", "at_hand", "audit_chain", "canonical", "chains", "checks"),
        *("database", "denials", "egress", "exposure", "ids", "loaded", "not_charged", "reading"),
        *("serving", "traced", "written", "x402"),
        *("wiring.bounds", "wiring.pools", "wiring.site"),
    ),
)
FRAMEWORKS = ("django", "celery", "redis", "web3")
NETWORK = ("aiohttp", "httpx", "requests", "psycopg", "socket", "asyncio")
FORBIDDEN = {
    "payments.x402": (*FRAMEWORKS, *NETWORK, "os", "time", "random"),
    "payments.chains": (*FRAMEWORKS, "payments.x402.schemes"),
    "payments.egress": FRAMEWORKS,
    "payments.ids": FRAMEWORKS,
}


def violations(checkout: Path) -> list[str]:
    found = modules(checkout)
    known = {module.name for module in found}
    return [
        f"{module.at(node)} imports {target}: {reason}"
        for module in found
        for node, target in imports(module, known)
        for reason in reasons(module, target)
    ]


def reasons(module: Module, target: str) -> Iterator[str]:
    if target.split(".")[0] in {"marketplace", "sellers", "payments"}:
        own, other = room_of(module.name), room_of(target)
        if own != other and floor_of(other) <= floor_of(own):
            yield f"{own} may import only what stands below it"
        if own == other == "payments" and climbs(module.name, target):
            yield "it stands further up inside payments"
    for room, names in FORBIDDEN.items():
        if inside(module.name, room) and any(inside(target, name) for name in names):
            yield f"{room} stays free of it"


def room_of(name: str) -> str:
    """The most particular room a module stands in; the front door's own files are one room."""
    rooms = [room for floor in FLOORS for room in floor] + list(SURFACES)
    return max((room for room in rooms if inside(name, room)), key=len, default="marketplace")


def floor_of(room: str) -> int:
    if room == "marketplace":
        return 0
    if room in SURFACES:
        return 1
    return 2 + next(number for number, floor in enumerate(FLOORS) if room in floor)


def climbs(name: str, target: str) -> bool:
    """Whether a file of payments imports one of an earlier line; tasks, only the first may."""
    if inside(target, "payments.tasks"):
        return line_of(name) != 0
    return line_of(target) < line_of(name)


def line_of(name: str) -> int:
    """The line that a file of payments stands in: its own, or that of its folder."""
    lines = {file: number for number, line in enumerate(PAYMENTS_LINES) for file in line}
    _, *parts = name.split(".")
    return lines.get(".".join(parts[:2]), lines.get(parts[0] if parts else "", len(lines)))


def without_a_line(checkout: Path) -> list[str]:
    """Files and folders of payments that nobody has put into the order."""
    found = {
        module.name.split(".")[1]
        for module in modules(checkout)
        if "." in module.name and module.name.startswith("payments.")
    }
    placed = {file.split(".")[0] for line in PAYMENTS_LINES for file in line}
    return sorted(found ^ placed)


def circle(checkout: Path, package: str) -> list[str]:
    """Files and folders of a package that import one another in a circle; empty where none do."""
    found = modules(checkout)
    known = {module.name for module in found}
    below: dict[str, set[str]] = {}
    for module in found:
        if inside(module.name, package) and not inside(module.name, f"{package}.migrations"):
            targets = {target for _, target in imports(module, known) if inside(target, package)}
            below.setdefault(part_of(module.name), set()).update(map(part_of, targets))
    for part, targets in below.items():
        targets.discard(part)
    try:
        TopologicalSorter(below).prepare()
    except CycleError as error:
        return [str(part) for part in error.args[1]]
    return []


def part_of(name: str) -> str:
    return ".".join(name.split(".")[:2])


def inside(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")
