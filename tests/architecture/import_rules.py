"""Who may import whom, and what must stay pure (docs: the order of the rooms)."""

from collections.abc import Iterator
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
# Inside payments: a file on a line may not import one of an earlier line.
PAYMENTS_LINES = (
    ("views", "admin", "tasks", "settler", "lookout", "urls"),
    ("acceptance", "settlement", "receipts", "reports", "disputes"),
    ("relayer", "facilitators", "ledger", "exposure", "risk", "moves", "marks", "states"),
    ("models",),
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
        if own == other == "payments" and climbs(top_of(module.name), top_of(target)):
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
    lines = {file: number for number, line in enumerate(PAYMENTS_LINES) for file in line}
    if target == "tasks":
        return lines.get(name) != 0
    return lines.get(target, len(lines)) < lines.get(name, 0)


def top_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def inside(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")
