"""Which addresses may be called, whatever the spelling, the DNS or the redirect."""

import re
import socket
import threading
from ipaddress import ip_address, ip_network

import aiohttp
import pytest
from pytest_django.fixtures import Settings
from yarl import URL

from payments.egress import (
    EgressRefused,
    EgressRule,
    Failed,
    FailureKind,
    Limits,
    Refusal,
    Reply,
    exchange,
    open_client,
    open_trusted_client,
    own_addresses,
    own_names,
    parse_allowance,
)
from payments.wiring.bounds import egress_rule
from tests.fixtures.upstream import ScriptedUpstream, answer, redirect

LIMITS = Limits(connect_seconds=5, first_byte_seconds=5, total_seconds=10, body_bytes_max=1_000_000)
PUBLIC = "93.184.216.34"
Names = dict[str, list[list[str]]]

DENIED = {
    "0.0.0.0/8": "0.1.2.3",
    "10.0.0.0/8": "10.255.0.1",
    "100.64.0.0/10": "100.127.255.255",
    "127.0.0.0/8": "127.9.9.9",
    "169.254.0.0/16": "169.254.169.254",
    "172.16.0.0/12": "172.31.255.255",
    "192.0.0.0/24": "192.0.0.170",
    "192.0.2.0/24": "192.0.2.7",
    "192.88.99.0/24": "192.88.99.1",
    "192.168.0.0/16": "192.168.1.1",
    "198.18.0.0/15": "198.19.255.255",
    "198.51.100.0/24": "198.51.100.9",
    "203.0.113.0/24": "203.0.113.5",
    "224.0.0.0/4": "239.1.2.3",
    "240.0.0.0/4": "255.255.255.255",
    "168.63.129.16/32": "168.63.129.16",
    "::/128": "::",
    "::1/128": "::1",
    "fc00::/7": "fd12:3456::1",
    "fe80::/10": "fe80::1",
    "fec0::/10": "fec0::1",
    "ff00::/8": "ff02::1",
    "2001::/32": "2001:0:4136:e378::1",
    "2001:db8::/32": "2001:db8::1",
    "64:ff9b::/96": "64:ff9b::808:808",
    "64:ff9b:1::/48": "64:ff9b:1::1",
    "2002::/16": "2002:808:808::1",
    "mapped, private": "::ffff:10.0.0.1",
    "mapped, public": "::ffff:8.8.8.8",
    "compatible, public": "::8.8.8.8",
    "translated, public": "::ffff:0:8.8.8.8",
    "not handed out": "4000::1",
}


def refusal(rule: EgressRule, url: str | URL) -> Refusal:
    with pytest.raises(EgressRefused) as refused:
        rule.vet(url)
    assert refused.value.reason
    return refused.value.code


def literal(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@pytest.mark.parametrize("address", DENIED.values(), ids=DENIED.keys())
def test_it_refuses_every_range_that_is_not_public(address: str) -> None:
    assert refusal(EgressRule(), f"https://{literal(address)}/") is Refusal.ADDRESS


@pytest.mark.parametrize("cidr", [name for name in DENIED if "/" in name])
def test_it_refuses_a_range_from_its_first_address_to_its_last(cidr: str) -> None:
    network = ip_network(cidr)
    for address in (network[0], network[-1]):
        with pytest.raises(EgressRefused):
            EgressRule().judge(address, 443)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "168.63.129.15",
        "168.63.129.17",
        "2606:4700:4700::1111",
        "2a00::1",
    ],
)
def test_it_lets_public_addresses_pass(address: str) -> None:
    EgressRule().judge(ip_address(address), 443)
    assert EgressRule().vet(f"https://{literal(address)}/a?b=c").host == address


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "0",
        "0x0",
        "127.0.0.1.",
        "127.0.0.0x1",
        "1.2.3.4.5",
        "08.8.8.8",
        "256.1.1.1",
        "1e1.0x",
        "127.0.0.%31",
        "a..b",
        "a b",
        "h;x",
        "-" * 64,
        ".".join(["a" * 60] * 5),
        "x.1",
    ],
)
def test_it_refuses_hosts_that_are_numbers_in_disguise_or_no_names(host: str) -> None:
    allow_all = EgressRule((parse_allowance("0.0.0.0/0:*"), parse_allowance("127.0.0.0/8:*")))
    assert refusal(allow_all, f"https://{host}/") in (Refusal.HOST, Refusal.BAD_URL)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.com/", Refusal.SCHEME),
        ("http://example.com:443/", Refusal.SCHEME),
        ("ftp://example.com/", Refusal.SCHEME),
        ("wss://example.com/", Refusal.SCHEME),
        ("file:///etc/passwd", Refusal.SCHEME),
        ("//example.com/", Refusal.SCHEME),
        ("example.com", Refusal.SCHEME),
        ("", Refusal.SCHEME),
        ("https:///path", Refusal.HOST),
        ("https:example.com", Refusal.HOST),
        ("https://user@example.com/", Refusal.USERINFO),
        ("https://user:secret@example.com/", Refusal.USERINFO),
        ("https://:@example.com/", Refusal.USERINFO),
        ("https://example.com:8443/", Refusal.PORT),
        ("https://example.com:80/", Refusal.PORT),
        ("https://example.com:0/", Refusal.PORT),
        ("https://example.com:99999/", Refusal.BAD_URL),
        ("https://example.com\\@127.0.0.1/", Refusal.BAD_URL),
        ("https://bücher.example/", Refusal.BAD_URL),
        ("https://ⓛocalhost/", Refusal.BAD_URL),
        ("https://127。0.0.1/", Refusal.BAD_URL),
        ("https://١٢٧.0.0.1/", Refusal.BAD_URL),
        (" https://example.com/", Refusal.BAD_URL),
        ("https://exam\tple.com/", Refusal.BAD_URL),
        ("https://example.com/\r\nHost: x", Refusal.BAD_URL),
        ("https://[::1", Refusal.BAD_URL),
        ("https://[fe80::1%25eth0]/", Refusal.ADDRESS),
        ("https://[fe80::1%eth0]/", Refusal.ADDRESS),
    ],
)
def test_it_refuses_a_url_and_says_why(url: str, code: Refusal) -> None:
    assert refusal(EgressRule(), url) is code


def test_it_accepts_an_ordinary_https_address_in_any_case() -> None:
    vetted = EgressRule().vet("HTTPS://API.Example.COM:443/v1?x=%2F")
    assert str(vetted) == "https://api.example.com/v1?x=/"
    assert EgressRule().vet("https://xn--bcher-kva.example./").raw_host == "xn--bcher-kva.example."


def test_a_zone_is_refused_even_where_its_range_is_allowed() -> None:
    rule = EgressRule((parse_allowance("fe80::/10:443"),))
    rule.judge(ip_address("fe80::1"), 443)
    with pytest.raises(EgressRefused):
        rule.judge(ip_address("fe80::1%eth0"), 443)


def test_an_allowance_opens_its_own_network_and_port_and_nothing_else() -> None:
    rule = EgressRule((parse_allowance("127.0.0.0/8:9999"),))
    assert rule.vet("http://127.0.0.1:9999/").port == 9999
    assert rule.vet("https://127.0.0.1:9999/").port == 9999
    assert refusal(rule, "http://127.0.0.1:9998/") is Refusal.SCHEME
    assert refusal(rule, "https://127.0.0.1/") is Refusal.ADDRESS
    assert refusal(rule, "https://10.0.0.1:9999/") is Refusal.ADDRESS
    assert refusal(rule, f"https://{PUBLIC}:9999/") is Refusal.PORT
    assert refusal(rule, "https://[::ffff:127.0.0.1]:9999/") is Refusal.ADDRESS


def test_an_allowance_for_every_port_does_not_let_plain_http_out_to_443() -> None:
    rule = EgressRule((parse_allowance("127.0.0.0/8:*"),))
    assert rule.vet("http://127.0.0.1:8080/")
    assert rule.vet("https://127.0.0.1/")
    assert refusal(rule, "http://example.com:443/") is Refusal.SCHEME


def test_a_wide_allowance_opens_a_port_of_the_public_internet_and_no_private_range() -> None:
    rule = EgressRule((parse_allowance("0.0.0.0/0:8443"), parse_allowance("::/0:8443")))
    assert rule.vet(f"https://{PUBLIC}:8443/")
    for address in DENIED.values():
        assert refusal(rule, f"https://{literal(address)}:8443/") is Refusal.ADDRESS


def test_its_own_public_address_is_refused_unless_it_is_named() -> None:
    own = frozenset({ip_address(PUBLIC)})
    assert refusal(EgressRule(own=own), f"https://{PUBLIC}/") is Refusal.ADDRESS
    wide = EgressRule((parse_allowance("0.0.0.0/0:443"),), own)
    assert refusal(wide, f"https://{PUBLIC}/") is Refusal.ADDRESS
    named = EgressRule((parse_allowance(f"{PUBLIC}/32:443"),), own)
    assert named.vet(f"https://{PUBLIC}/")


@pytest.mark.parametrize("host", ["souk.example", "SOUK.example.", "calls.example"])
def test_its_own_names_are_refused_wherever_they_lead(host: str, names: Names) -> None:
    names["souk.example"] = names["calls.example"] = [[PUBLIC]]
    rule = EgressRule(own_names=own_names(["souk.example", "Calls.Example"]))
    assert refusal(rule, f"https://{host}/hook") is Refusal.HOST
    assert rule.vet("https://api.souk.example/").host == "api.souk.example"
    opened = EgressRule((parse_allowance("0.0.0.0/0:8443"),), own_names=rule.own_names)
    assert refusal(opened, f"https://{host}:8443/hook") is Refusal.HOST


def test_a_site_on_loopback_lets_an_allowance_open_loopback() -> None:
    named = ["127.0.0.1", "localhost", "[::1]"]
    rule = EgressRule(
        (parse_allowance("127.0.0.0/8:9999"),), own_addresses(named), own_names(named)
    )
    assert rule.vet("http://127.0.0.1:9999/")
    assert rule.vet("http://localhost:9999/")
    assert refusal(rule, "http://127.0.0.1:8402/") is Refusal.SCHEME


def test_the_site_refuses_its_names_and_the_addresses_it_is_told(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1", "souk.example"]
    settings.OWN_ADDRESSES = [PUBLIC]
    rule = egress_rule()
    assert refusal(rule, "https://souk.example/call/ada/weather") is Refusal.HOST
    assert refusal(rule, f"https://{PUBLIC}/") is Refusal.ADDRESS
    assert rule.vet("https://api.example.com/")


async def test_a_name_of_somebody_else_for_our_address_is_not_called(names: Names) -> None:
    names["another.example"] = [[PUBLIC]]
    failed = await called(EgressRule(own=own_addresses([PUBLIC])), "https://another.example/")
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.REFUSED_BY_EGRESS


def test_it_knows_the_addresses_of_this_machine() -> None:
    known = own_addresses()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no IPv4 route")
        assert ip_address(probe.getsockname()[0]) in known


@pytest.mark.parametrize("text", ["127.0.0.0/8:9999", "10.1.2.0/24:*", "::1/128:80", "fd00::/8:*"])
def test_an_allowance_reads_back_as_it_was_written(text: str) -> None:
    assert str(parse_allowance(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1",
        "127.0.0.1:80",
        "localhost/8:80",
        "127.0.0.1/8:80",
        "127.0.0.0/8",
        "127.0.0.0/8:",
        "127.0.0.0/8:0",
        "127.0.0.0/8:65536",
        "127.0.0.0/8:http",
        "127.0.0.0/33:1",
        "127.0.0.0/8:-1",
        "127.0.0.0/8:٨٠",
        "/8:80",
    ],
)
def test_a_badly_written_allowance_is_named_in_the_error(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        parse_allowance(text)


# From here on real sockets: the name server's answers are scripted, as DNS is not ours.


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Host names with their successive answers; the last answer stays."""
    known: Names = {}
    asked = socket.getaddrinfo

    def look_up(host: str, port: int | None, *args: int, **kwargs: int) -> list[tuple[object, ...]]:
        if host not in known:
            return asked(host, port, *args, **kwargs)  # type: ignore[return-value]
        answers = known[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(0, 0, 0, "", (address, 0)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def loopback(upstream: ScriptedUpstream) -> EgressRule:
    return EgressRule((parse_allowance(f"127.0.0.0/8:{upstream.port}"),))


async def called(rule: EgressRule, url: str) -> Reply | Failed:
    async with open_client(rule) as client:
        return await exchange(client, "GET", URL(url), limits=LIMITS)


async def test_it_calls_an_allowed_upstream(upstream: ScriptedUpstream) -> None:
    reply = await called(loopback(upstream), upstream.url + "/x")
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body) == (200, b'{"ok":true}')
    assert upstream.calls[0].header("User-Agent") == "Souk"


async def test_a_literal_address_that_is_not_allowed_is_never_connected_to(
    upstream: ScriptedUpstream,
) -> None:
    failed = await called(EgressRule(), upstream.url)
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.REFUSED_BY_EGRESS
    assert not failed.may_have_acted
    assert upstream.connections == 0


async def test_the_socket_itself_is_judged_when_no_url_was(upstream: ScriptedUpstream) -> None:
    async with open_client(EgressRule()) as client:
        connector = client.connector
        assert connector is not None
        async with aiohttp.ClientSession(connector=connector, connector_owner=False) as bare:
            with pytest.raises(EgressRefused):
                await bare.get(upstream.url)
    assert upstream.connections == 0


async def test_a_name_is_judged_by_its_address(upstream: ScriptedUpstream, names: Names) -> None:
    names["inside.example"] = [["127.0.0.1"]]
    url = f"http://inside.example:{upstream.port}/"
    assert isinstance(await called(loopback(upstream), url), Reply)
    assert upstream.calls[0].header("Host") == f"inside.example:{upstream.port}"
    wider = EgressRule((parse_allowance(f"10.0.0.0/8:{upstream.port}"),))
    failed = await called(wider, url)
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.REFUSED_BY_EGRESS
    assert upstream.connections == 1


@pytest.mark.parametrize("others", [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"]])
async def test_a_name_with_one_good_and_one_bad_address_is_refused(
    upstream: ScriptedUpstream, names: Names, others: list[str]
) -> None:
    names["mixed.example"] = [others]
    failed = await called(loopback(upstream), f"http://mixed.example:{upstream.port}/")
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.REFUSED_BY_EGRESS
    assert upstream.connections == 0


async def test_a_name_with_a_public_and_a_private_address_is_refused(names: Names) -> None:
    names["half.example"] = [[PUBLIC, "192.168.0.1"]]
    failed = await called(EgressRule(), "https://half.example/")
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.REFUSED_BY_EGRESS


@pytest.mark.parametrize("inside", ["192.168.0.1", "fd12:3456::1", "127.0.0.1"])
async def test_what_a_name_leads_to_is_told_to_the_operator_alone(
    names: Names, caplog: pytest.LogCaptureFixture, inside: str
) -> None:
    names["db.inside.example"] = [[inside]]
    caplog.set_level("INFO", "payments.egress.clients")
    failed = await called(EgressRule(), "https://db.inside.example/")
    assert isinstance(failed, Failed)
    said = "db.inside.example leads to an address that cannot be called from here."
    assert (failed.kind, failed.detail) == (FailureKind.REFUSED_BY_EGRESS, said)
    assert inside in caplog.text


@pytest.mark.parametrize("host", ["redis", "localhost", "postgres."])
def test_a_name_without_a_dot_is_called_only_where_the_operator_opened_the_port(host: str) -> None:
    assert refusal(EgressRule(), f"https://{host}/") is Refusal.HOST
    rule = EgressRule((parse_allowance("10.1.2.0/24:8443"),))
    assert refusal(rule, f"https://{host}/") is Refusal.HOST
    assert rule.vet(f"https://{host}:8443/").raw_host == host


async def test_dns_that_changes_its_mind_is_not_asked_again(
    upstream: ScriptedUpstream, names: Names
) -> None:
    names["rebind.example"] = [["127.0.0.1"], ["10.0.0.1"]]
    reply = await called(loopback(upstream), f"http://rebind.example:{upstream.port}/")
    assert isinstance(reply, Reply)
    assert names["rebind.example"] == [["10.0.0.1"]]  # asked once, and that answer was used


async def test_a_new_look_up_is_judged_anew(upstream: ScriptedUpstream, names: Names) -> None:
    names["rebind.example"] = [["127.0.0.1"], ["10.0.0.1"]]
    rule, url = loopback(upstream), f"http://rebind.example:{upstream.port}/"
    assert isinstance(await called(rule, url), Reply)
    failed = await called(rule, url)  # a client of its own, with nothing remembered
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.REFUSED_BY_EGRESS


async def test_a_name_that_does_not_exist_was_never_called(names: Names) -> None:
    failed = await called(EgressRule(), "https://nothing.invalid/")
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.may_have_acted) == (FailureKind.CONNECT, False)


async def test_a_name_server_that_never_answers_holds_one_thread_and_no_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    answers = threading.Event()

    def look_up(host: str, *args: object, **kwargs: object) -> list[tuple[object, ...]]:
        if host != "tar.example":  # other threads of this process look up, too
            return really_look_up(host, *args, **kwargs)
        asked.append(host)
        answers.wait(30)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    really_look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with open_client(EgressRule(), dns_seconds=0.02) as client:
        for _ in range(3):
            failed = await exchange(client, "GET", URL("https://tar.example/"), limits=LIMITS)
            assert isinstance(failed, Failed)
            assert (failed.kind, failed.may_have_acted) == (FailureKind.CONNECT, False)
        answers.set()
    assert asked == ["tar.example"]


async def test_a_redirect_is_not_followed(upstream: ScriptedUpstream) -> None:
    upstream.script(redirect("/elsewhere"))
    reply = await called(loopback(upstream), upstream.url + "/first")
    assert isinstance(reply, Reply)
    assert reply.status == 302
    assert [call.path for call in upstream.calls] == ["/first"]


async def test_a_client_told_to_follow_redirects_is_judged_at_each_hop(
    upstream: ScriptedUpstream,
) -> None:
    upstream.script(redirect("http://10.0.0.1:80/"))
    async with open_client(loopback(upstream)) as client:
        with pytest.raises(EgressRefused):
            await client.get(upstream.url, allow_redirects=True)


async def test_a_user_name_in_the_url_never_becomes_a_header(upstream: ScriptedUpstream) -> None:
    failed = await called(loopback(upstream), f"http://who:secret@127.0.0.1:{upstream.port}/")
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.REFUSED_BY_EGRESS
    assert upstream.connections == 0


async def test_proxies_and_cookies_of_the_environment_are_ignored(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    upstream.script(answer(headers=(("Set-Cookie", "a=b"),)))
    async with open_client(loopback(upstream)) as client:
        for _ in range(2):
            reply = await exchange(client, "GET", URL(upstream.url), limits=LIMITS)
            assert isinstance(reply, Reply)
    assert upstream.calls[1].header("Cookie") is None


async def test_a_trusted_client_calls_its_own_origin_and_no_other(
    upstream: ScriptedUpstream,
) -> None:
    async with open_trusted_client(upstream.url) as client:
        assert isinstance(
            await exchange(client, "POST", URL(upstream.url + "/rpc"), body=b"{}", limits=LIMITS),
            Reply,
        )
        other = URL(upstream.url).with_port(upstream.port ^ 1)
        failed = await exchange(client, "POST", other, body=b"{}", limits=LIMITS)
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.REFUSED_BY_EGRESS
