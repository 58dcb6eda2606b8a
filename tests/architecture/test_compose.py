"""The production stack keeps its secrets apart, watches every part, and gives none too much."""

import re
import stat
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from marketplace import settings
from marketplace.celery import OTHER_CONNECTIONS
from tests.fixtures.compose import Service, read_dotenv, read_services, rolled

DOORS, WORKERS = ("door-a", "door-b"), ("worker-a", "worker-b")
OURS = {*DOORS, "site", *WORKERS, "beat", "migrate"}
READS = re.compile(r'\bread(?:_\w+)?\(\s*"([A-Z][A-Z0-9_]*)"')


@pytest.fixture(scope="module")
def stack(checkout) -> dict[str, Any]:
    return yaml.safe_load((checkout / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def services(checkout) -> Mapping[str, Service]:
    """With the committed example as .env."""
    return read_services(checkout, read_dotenv((checkout / ".env.example").read_text()))


def test_only_the_workers_hold_the_keys_that_sign(stack):
    for secret in ("relayer_key", "receipt_key"):
        holders = {name for name, s in stack["services"].items() if secret in s.get("secrets", [])}
        assert holders == set(WORKERS)


def test_every_secret_is_a_file_kept_out_of_the_repository(stack, checkout):
    assert {next(iter(secret)) for secret in stack["secrets"].values()} == {"file"}
    assert all(secret["file"].startswith("./secrets/") for secret in stack["secrets"].values())
    ignored = (checkout / ".gitignore").read_text().split()
    assert {"/secrets/", "/.env"} <= set(ignored)
    assert not {"!secrets", "!.env"} & set((checkout / ".dockerignore").read_text().split())


def test_no_password_is_written_down(services):
    for service in services.values():
        for name in service.environment:
            assert name.endswith("_FILE") or not any(
                word in name for word in ("PASSWORD", "SECRET", "KEY", "DATABASE_URL")
            )


def test_every_part_has_a_health_check(stack, checkout):
    assert set(stack["services"]) == OURS | {"postgres", "redis"}
    assert "HEALTHCHECK" in (checkout / "Dockerfile").read_text()  # the doors' and the site's
    for name in {*WORKERS, "beat", "postgres", "redis"}:
        assert stack["services"][name]["healthcheck"]["test"]
    assert "--host 127.0.0.1" in stack["services"]["postgres"]["healthcheck"]["test"][1]


def test_nobody_is_root_and_nothing_can_be_written_to_but_data(stack, checkout):
    assert re.search(r"^USER souk$", (checkout / "Dockerfile").read_text(), re.MULTILINE)
    for name, service in stack["services"].items():
        assert name in OURS or service["user"] not in ("", "root", "0"), name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        for volume in service.get("volumes", []):
            assert volume.startswith("postgres:") or volume.endswith(":ro"), name
    assert "/data" in stack["services"]["redis"]["tmpfs"]  # its image makes a volume there else


def test_the_image_is_built_once_and_is_everybodys(stack):
    assert [name for name, service in stack["services"].items() if "build" in service] == [
        "migrate"
    ]
    assert len({stack["services"][name]["image"] for name in OURS}) == 1


def test_who_is_told_of_a_secret_is_given_it(services):
    for service in services.values():
        told = [path for path in service.environment.values() if path.startswith("/run/secrets/")]
        assert {path.rpartition("/")[2] for path in told} <= set(service.secrets), service.name


def test_every_part_has_its_limits(stack):
    for name, service in stack["services"].items():
        limits = service["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory", "pids"}, name


def test_a_door_is_given_the_time_of_the_longest_call(checkout, services):
    """The buyer's body, the seller's whole time, the wait for the money; then those who hung up."""
    longest = (
        settings.REQUEST_BODY_SECONDS + settings.UPSTREAM_TOTAL_SECONDS + settings.HOLD_WAIT_SECONDS
    )
    text = (checkout / "marketplace/settings.py").read_text()
    (last,) = map(float, re.findall(r'"SOUK_STOP_SECONDS", "(\d+)"', text))
    for door in DOORS:
        assert services[door].stop_seconds > max(longest, last)


def test_a_worker_is_given_the_time_of_the_longest_look(services):
    for worker in WORKERS:
        assert services[worker].stop_seconds > settings.UPSTREAM_TOTAL_SECONDS


def test_the_database_has_a_connection_for_everything_that_asks_for_one(stack):
    """As docs/operate.md reckons: 25 a process, 35 a worker."""
    (most,) = re.findall(
        r"max_connections=(\d+)", " ".join(stack["services"]["postgres"]["command"])
    )
    threads = settings.CELERY_WORKER_CONCURRENCY + OTHER_CONNECTIONS
    assert threads + settings.DATABASE_POOL_MAX < 35
    assert len(OURS - set(WORKERS)) * 25 + len(WORKERS) * 35 < int(most)


def test_the_proxies_know_every_port_and_wait_for_the_longest_call(checkout, services):
    published = {each.port for each in services.values() if each.port}
    for proxy in ("nginx.conf", "Caddyfile"):
        text = (checkout / "deploy" / proxy).read_text()
        assert {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", text)} == published
        waits = re.findall(r"(?:proxy_read_timeout|response_header_timeout) (\d+)s", text)
        assert {float(wait) >= services["door-a"].stop_seconds for wait in waits} == {True}


def uncommented(text: str) -> str:
    """The part for a host of the calls, as an operator has it who took the # away."""
    part = text[text.index("# Where CALL_BASE_URL is a host of its own") :]
    return "\n".join(line[1:] for line in part.splitlines() if re.match(r"#[\S\t]|#    |#$", line))


def test_the_hosts_of_the_calls_are_alike_for_nginx(checkout):
    """What one server says of headers, bodies and waiting, the other says as well."""
    text = (checkout / "deploy/nginx.conf").read_text()

    def settings_of(server: str) -> set[str]:
        own = re.compile(r"^    (?!ssl_|server_name|listen)(\w[^\n{}#]+;)$", re.MULTILINE)
        return set(own.findall(server[: server.index("location")]))

    site = text[text.index("server {\n    listen 443") :]
    assert settings_of(uncommented(text)) == settings_of(site) != set()


def test_no_proxy_writes_down_who_asked_or_the_whole_of_what_was_asked(checkout):
    text = (checkout / "deploy/nginx.conf").read_text()
    whole = text.replace(text[text.index("# Where CALL_BASE_URL") :], "") + uncommented(text)
    whole += text[text.rindex("\nserver {") :]
    servers = whole.split("\nserver {")[1:]
    assert len(servers) == 4
    for server in servers:
        assert re.findall(r"access_log (.+);", server) == ["/var/log/nginx/souk.log souk"]
        assert re.findall(r"error_log (.+);", server) == ["/var/log/nginx/error.log alert"]
    written = text[text.index("map $uri") : text.index("\nserver {")]
    assert set(re.findall(r"\$(\w+)", written)) == {
        "uri", "souk_place", "souk_listing", "souk_part", "time_iso8601", "request_method",
        "status", "body_bytes_sent", "request_time", "upstream_addr", "upstream_status",
        "upstream_response_time", "request_id",
    }  # fmt: skip
    caddy = (checkout / "deploy/Caddyfile").read_text()
    left_out = set(re.findall(r"request>(\w+) delete", caddy))
    assert left_out >= {"remote_ip", "client_ip", "headers"}
    assert re.findall(r"^\s*log\b.*$", caddy, re.MULTILINE) == ["\tlog {"]


def test_a_host_of_the_calls_has_what_agents_read_there_and_no_pages(checkout):
    calls = {"/call/", "/preview/"}
    read = {"/openapi.json", "/.well-known/", "/llms.txt", "/llms-full.txt", "/robots.txt"}
    nginx = uncommented((checkout / "deploy/nginx.conf").read_text())
    led = dict(re.findall(r"location (?:= )?(\S+) { (?:proxy_pass )?([^;]+); }", nginx))
    assert led == {
        **dict.fromkeys(calls, "http://souk_doors"),
        **dict.fromkeys(read, "http://127.0.0.1:8403"),
        "/": "return 404",
    }
    caddy = uncommented((checkout / "deploy/Caddyfile").read_text())
    named = {name: paths.split() for name, paths in re.findall(r"@(\w+) path (.+)", caddy)}
    assert {path.removesuffix("*") for path in named["door"]} == calls
    assert {path.removesuffix("*") for path in named["read"]} == read
    handled = re.findall(r"handle (@\w+ )?{\s+(.+)\s+}", caddy)
    assert handled == [("@door ", "import doors"), ("@read ", "import site"), ("", "respond 404")]


def test_everything_is_restarted_in_turn_and_what_an_operator_copied_too(checkout, stack, tmp_path):
    assert (checkout / "deploy/roll.sh").stat().st_mode & stat.S_IXUSR
    copied = ["site-b", "door-c", "worker-c", "my-own-proxy"]
    first, *then = rolled(checkout, [*copied, *stack["services"]], tmp_path)
    assert first == "compose run --rm migrate"
    assert {line.rpartition(" ")[0] for line in then} == {
        "compose up --detach --no-deps --force-recreate --wait"
    }
    assert [line.rpartition(" ")[2] for line in then] == [
        *("worker-a", "worker-b", "worker-c", "beat"),
        *("door-a", "door-b", "door-c", "site", "site-b"),
    ]


def test_every_line_of_the_example_is_a_setting(checkout):
    text = (checkout / ".env.example").read_text()
    names = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", text, re.MULTILINE))
    read = set(READS.findall((checkout / "marketplace/settings.py").read_text()))
    filled_in = set(
        re.findall(r"\$\{([A-Z][A-Z0-9_]*)", (checkout / "docker-compose.yml").read_text())
    )
    assert {name.removesuffix("_FILE") for name in names} <= read | filled_in
    assert filled_in <= names


def test_the_image_holds_all_that_the_program_reads(checkout):
    kept = {line[1:] for line in (checkout / ".dockerignore").read_text().split() if line[0] == "!"}
    assert kept >= {"marketplace", "sellers", "payments", "templates", "static", "docs"}


def test_the_image_is_made_of_the_locked_packages_only(checkout):
    installs = re.findall(r"pip install (.+)", (checkout / "Dockerfile").read_text())
    assert installs == ["--no-cache-dir --require-hashes --no-deps -r /requirements.txt"]


def test_the_data_is_reached_from_inside_only(stack):
    for name in ("postgres", "redis"):
        assert stack["services"][name]["networks"] == ["data"]
        assert "ports" not in stack["services"][name]
    assert stack["networks"]["data"]["internal"] is True
