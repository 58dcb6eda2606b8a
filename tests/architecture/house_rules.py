"""The rules of the house that one look at the source can check."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import Module, dotted, modules

FUNCTION_LINES_MAX = 60
FORBIDDEN_NAMES = {"utils", "helpers", "common", "services", "managers"}
SURPRISE_CATCHERS = {
    "marketplace/catalog/mcp/app.py",
    "marketplace/gateway/app.py",
    "payments/settling/settler.py",
}
SURPRISES = {"Exception", "BaseException"}
ENVIRONMENT_READER = "marketplace/configuration/readers.py"
WIRING = "payments/wiring/"
# The relayer pays gas; the buyer's program signs its own payments.
KEY_HOLDERS = ("payments/relaying/relayer.py", "marketplace/agent/wallet.py")
KEY_USES = {"from_key", "sign_transaction", "PrivateKey", "unsafe_sign_hash"}
CLIENT_MAKERS = ("payments/egress", "marketplace/embedded/rpc.py")
CLIENT_MODULES = {"httpx", "requests", "urllib3", "urllib.request", "http.client", "websockets"}
CLIENT_CALLS = {"ClientSession", "TCPConnector", "HTTPProvider", "AsyncHTTPProvider"}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "environ", "getenv"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SOURCE_SUFFIXES = {".py", ".html", ".css", ".js", ".txt", ".toml", ".yml", ".vy"}


def check(checkout: Path) -> list[str]:
    return [complaint for module in modules(checkout) for complaint in complaints(module)]


def complaints(module: Module) -> Iterator[str]:
    yield from environment_reads(module)
    yield from settings_reads(module)
    yield from long_functions(module)
    yield from caught_surprises(module)
    yield from client_makers(module)
    yield from key_uses(module)
    if FORBIDDEN_NAMES & set(module.name.split(".")):
        yield f"{module.path}: name it for what it is about"


def environment_reads(module: Module) -> Iterator[str]:
    """Setting a variable for a child is no reading; `setdefault` and `pop` for nothing neither."""
    if module.path == ENVIRONMENT_READER:
        return
    writes = set()
    for node in module.nodes:
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            writes.add(id(node.value))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            writes |= {id(child) for child in ast.walk(node.value.func)}
    for node in module.nodes:
        if not isinstance(node, ast.Attribute | ast.Name) or id(node) in writes:
            continue
        if dotted(node) in ENVIRONMENT:
            yield f"{module.at(node)} reads the environment; only {ENVIRONMENT_READER} does"


def settings_reads(module: Module) -> Iterator[str]:
    if not module.path.startswith("payments/") or module.path.startswith(WIRING):
        return
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "django.conf":
            yield f"{module.at(node)} reads settings; in payments only {WIRING} does"


def long_functions(module: Module) -> Iterator[str]:
    for node in module.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{module.at(node)} {node.name} has {lines} lines"


def caught_surprises(module: Module) -> Iterator[str]:
    """Catching everything is for two places; tidying up and raising again is no catching."""
    if module.path in SURPRISE_CATCHERS:
        return
    for node in module.nodes:
        if isinstance(node, ast.ExceptHandler) and catches_all(node.type):
            last = node.body[-1]
            if not (isinstance(last, ast.Raise) and last.exc is None):
                yield f"{module.at(node)} catches every exception"
    for name, call in module.calls:
        if name.split(".")[-1] == "suppress" and any(catches_all(a) for a in call.args):
            yield f"{module.at(call)} suppresses every exception"


def catches_all(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(catches_all(one) for one in caught.elts)
    return caught is None or dotted(caught) in SURPRISES


def client_makers(module: Module) -> Iterator[str]:
    if module.path.startswith(CLIENT_MAKERS):
        return
    for node in module.nodes:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if CLIENT_MODULES & {name, name.split(".")[0]}:
                yield f"{module.path}:{node.lineno} uses {name}; only egress makes clients"  # type: ignore[attr-defined]
                break
    for name, call in module.calls:
        if name.split(".")[-1] in CLIENT_CALLS or name == "aiohttp.request":
            yield f"{module.at(call)} makes a client; only egress does"


def key_uses(module: Module) -> Iterator[str]:
    if module.path.startswith(KEY_HOLDERS):
        return
    for node in module.nodes:
        name = node.attr if isinstance(node, ast.Attribute) else ""
        if isinstance(node, ast.ImportFrom):
            name = next((alias.name for alias in node.names if alias.name in KEY_USES), "")
        if name in KEY_USES:
            yield f"{module.path}:{node.lineno} touches a key; only the relayer does"  # type: ignore[attr-defined]


def unfinished(checkout: Path, folders: tuple[str, ...]) -> list[str]:
    """Marks of unfinished work in what ships."""
    return [
        f"{path.relative_to(checkout)}:{number} {line.strip()}"
        for folder in folders
        for path in sorted((checkout / folder).rglob("*"))
        if path.suffix in SOURCE_SUFFIXES and "vendor" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
