"""The one maker of outbound HTTP clients.

The resolver looks a host up once and judges every address of the answer; the connection
goes to one of those very addresses, so DNS has no second chance to change its mind.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from ipaddress import ip_address
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from payments.egress.rule import Address, EgressRefused, EgressRule, Refusal
from payments.egress.wire import USER_AGENT, PermittingConnector

log = logging.getLogger(__name__)

CONNECTIONS_MAX = 1000
CONNECTIONS_PER_HOST_MAX = 100
DNS_SECONDS = 3.0
DNS_THREADS = 16
DNS_ANSWER_KEPT_SECONDS = 10
DNS_ANSWERS_KEPT_MAX = 1000
ADDRESSES_TRIED_MAX = 8
# Vetting an origin is a tenth of a call's CPU; the rule does not change while a client lives.
ORIGINS_VETTED_KEPT_MAX = 1000
# Node and uvicorn close an idle connection after 5 s. Ours goes first, so that a call is
# seldom written into a connection which the other side is just closing.
IDLE_CONNECTION_SECONDS = 4.0
# For a caller that sets no deadline of its own.
CALL_SECONDS = 30.0


class ConnectionCut(aiohttp.ClientConnectionError):
    """The connection ended while a request was on it: what the other side did is unknown."""


def open_client(
    rule: EgressRule,
    *,
    limit: int = CONNECTIONS_MAX,
    limit_per_host: int = CONNECTIONS_PER_HOST_MAX,
    dns_seconds: float = DNS_SECONDS,
) -> aiohttp.ClientSession:
    """Open a client for addresses that sellers and buyers choose; call it inside a loop.

    Every request is vetted, a redirect's target too, and a request is never sent twice.
    Callers go through `exchange`, which bounds the answer and follows no redirect.
    """

    def open_socket(info: aiohttp.AddrInfoType) -> socket.socket:
        # The last look: literal addresses never meet the resolver.
        family, kind, protocol, _, (host, port, *_) = info
        rule.judge(ip_address(host), int(port))
        return socket.socket(family, kind, protocol)

    connector = PermittingConnector(
        limit=limit,
        limit_per_host=limit_per_host,
        resolver=VettingResolver(rule, dns_seconds=dns_seconds),
        ttl_dns_cache=DNS_ANSWER_KEPT_SECONDS,
        dns_cache_max_size=DNS_ANSWERS_KEPT_MAX,
        keepalive_timeout=IDLE_CONNECTION_SECONDS,
        socket_factory=open_socket,
    )
    return _session(connector, rule.vet)


def open_trusted_client(base_url: str, *, limit: int = 100) -> aiohttp.ClientSession:
    """Open a client for one origin that the operator configured, such as a chain's RPC.

    The operator's word stands in for the rule: the origin may be on loopback or in a
    private network. Nothing but that origin can be called, so a redirect leads nowhere.
    """
    origin = URL(base_url).origin()

    def same_origin(asked: URL) -> None:
        if asked != origin:
            raise EgressRefused(Refusal.HOST, f"This client calls {origin} and nothing else.")

    connector = PermittingConnector(limit=limit, keepalive_timeout=IDLE_CONNECTION_SECONDS)
    return _session(connector, same_origin, base_url=base_url)


def _session(
    connector: PermittingConnector,
    permit: Callable[[URL], object],
    base_url: str | None = None,
) -> aiohttp.ClientSession:
    """A client whose every request, by session or by `exchange`, is permitted by its origin."""
    loop = asyncio.get_running_loop()

    @lru_cache(maxsize=ORIGINS_VETTED_KEPT_MAX)
    def destination(origin: URL) -> aiohttp.ClientRequest:
        permit(origin)
        return aiohttp.ClientRequest("GET", origin, loop=loop)

    def destination_of(url: URL) -> aiohttp.ClientRequest:
        return destination(url.origin())

    connector.destination = destination_of
    connector.kept = WeakSet()
    return aiohttp.ClientSession(
        base_url,
        connector=connector,
        middlewares=(_guard(destination_of),),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        skip_auto_headers=("Accept-Encoding", "Content-Type"),
        timeout=aiohttp.ClientTimeout(total=CALL_SECONDS),
        auto_decompress=False,
        trust_env=False,
    )


def _guard(permit: Callable[[URL], object]) -> aiohttp.ClientMiddlewareType:
    async def guard(
        request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        permit(request.url)
        try:
            return await send(request)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as lost:
            # aiohttp would send a GET or PUT again when a pooled connection turns out to
            # be dead; the first one may have been acted on, so it must not.
            raise ConnectionCut(str(lost)) from lost

    return guard


async def vetted_addresses(
    rule: EgressRule, url: URL, *, dns_seconds: float = DNS_SECONDS
) -> tuple[str, ...]:
    """Look a URL's host up and judge every address of it, as a call to it would; call nothing."""
    host, port = url.raw_host or "", url.port or 0
    rule.vet(url)
    resolver = VettingResolver(rule, dns_seconds=dns_seconds)
    try:
        return tuple(found["host"] for found in await resolver.resolve(host, port))
    finally:
        await resolver.close()


class VettingResolver(AbstractResolver):
    """Looks a host up and hands out its addresses only if every one of them may be called.

    One look-up per host runs at a time, in threads of its own: a seller's slow DNS server
    holds up its own listing and nothing else.
    """

    def __init__(self, rule: EgressRule, *, dns_seconds: float) -> None:
        self._rule = rule
        self._dns_seconds = dns_seconds
        self._threads = ThreadPoolExecutor(DNS_THREADS, thread_name_prefix="dns")
        self._running: dict[str, asyncio.Future[tuple[str, ...]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = [ip_address(text) for text in await self._look_up(host)]
        for address in addresses:
            self._judge(host, address, port)
        return [_result(host, address, port) for address in addresses[:ADDRESSES_TRIED_MAX]]

    def _judge(self, host: str, address: Address, port: int) -> None:
        """What a name leads to is not told to whoever gave it: it may be a name of ours."""
        try:
            self._rule.judge(address, port)
        except EgressRefused as refused:
            log.info("%s is not called: %s", host, refused.reason)
            reason = f"{host} leads to an address that cannot be called from here."
            raise EgressRefused(refused.code, reason) from None

    async def _look_up(self, host: str) -> tuple[str, ...]:
        running = self._running.get(host)
        if running is None:
            loop = asyncio.get_running_loop()
            running = loop.run_in_executor(self._threads, _addresses, host)
            self._running[host] = running
            running.add_done_callback(lambda done: self._ended(host, done))
        try:
            async with asyncio.timeout(self._dns_seconds):
                return await asyncio.shield(running)
        except TimeoutError:
            late = f"{host} was not found within {self._dns_seconds:g} s"
            raise socket.gaierror(socket.EAI_AGAIN, late) from None

    def _ended(self, host: str, done: asyncio.Future[tuple[str, ...]]) -> None:
        del self._running[host]
        if not done.cancelled():
            done.exception()  # nobody may be waiting any more

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(host: str) -> tuple[str, ...]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def _result(host: str, address: Address, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=str(address),
        port=port,
        family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
