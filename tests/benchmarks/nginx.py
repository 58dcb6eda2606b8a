"""nginx: the seller's endpoint that everybody calls, and the plain proxy to compare with."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from marketplace.embedded.ports import free_port
from marketplace.embedded.readiness import port_answers
from marketplace.embedded.starting import dies_with_us
from tests.benchmarks.waiting import wait_until

MISSING = "nginx is missing: sudo apt install nginx"
ANSWER = '{"city":"Oslo","celsius":7,"observed_at":"2026-01-01T12:00:00Z","source":"station 12"}'
# What a facilitator says that looks at nothing. Payer and transaction are made up.
YES = {
    "verify": '{"isValid":true,"payer":"0x0000000000000000000000000000000000000001"}',
    "settle": (
        '{"success":true,"payer":"0x0000000000000000000000000000000000000001",'
        f'"transaction":"0x{"11" * 32}","network":"eip155:84532"}}'
    ),
    "supported": (
        '{"kinds":[{"x402Version":2,"scheme":"exact","network":"eip155:84532"}],'
        '"extensions":[],"signers":{}}'
    ),
}
CONFIGURATION = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log error;
worker_processes 1;
{user}
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    keepalive_timeout 600s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    large_client_header_buffers 8 32k;
    default_type application/json;
    server {{
        listen 127.0.0.1:{upstream} backlog=4096;
        location / {{ return 200 '{answer}'; }}
    }}
    server {{
        listen 127.0.0.1:{yes} backlog=4096;
        location = /verify {{ return 200 '{verify}'; }}
        location = /settle {{ return 200 '{settle}'; }}
        location = /supported {{ return 200 '{supported}'; }}
    }}
    upstream seller {{
        server 127.0.0.1:{upstream};
        keepalive 128;
        keepalive_requests 100000000;
    }}
    server {{
        listen 127.0.0.1:{proxy} backlog=4096;
        location / {{
            proxy_pass http://seller;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """Where its three servers listen."""

    upstream: int
    proxy: int
    yes: int
    version: str

    @property
    def upstream_url(self) -> str:
        return f"http://127.0.0.1:{self.upstream}/weather"

    @property
    def yes_url(self) -> str:
        return f"http://127.0.0.1:{self.yes}"


def find_nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextmanager
def running_nginx(folder: Path) -> Iterator[Nginx]:
    """Start it with a configuration of ours; nothing of the machine's own is read."""
    binary = find_nginx()
    assert binary is not None, MISSING
    folder.mkdir(mode=0o755)
    said = subprocess.run([binary, "-v"], capture_output=True, text=True, check=True).stderr
    ports = {name: free_port() for name in ("upstream", "proxy", "yes")}
    version = said.strip().rpartition("/")[2]
    file = folder / "nginx.conf"
    # As root its worker would run as a user that may not exist.
    user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
    file.write_text(
        CONFIGURATION.format(folder=folder, user=user, answer=ANSWER, **ports, **YES),
        encoding="utf-8",
    )
    command = [*dies_with_us(), binary, "-p", str(folder), "-c", str(file)]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [*command, "-e", str(folder / "nginx.log")],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until(lambda: all(port_answers(port) for port in ports.values()), "nginx", [process])
        yield Nginx(version=version, **ports)
    finally:
        process.terminate()
        process.wait(10)
