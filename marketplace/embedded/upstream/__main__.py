"""Start the demo's upstream: `python -m marketplace.embedded.upstream --port 8403`."""

import argparse
from pathlib import Path

from aiohttp import web

from marketplace.embedded.upstream.app import make_app


def main() -> None:
    """Serve on loopback until told to stop."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--report-seconds", type=float, default=3.0)
    arguments.add_argument("--stop-seconds", type=float, default=0.4)
    arguments.add_argument(
        "--signing-keys",
        type=Path,
        help="a file of keys in hexadecimal, one per line; calls not signed with one get 401",
    )
    given = arguments.parse_args()
    keys = given.signing_keys.read_text().split() if given.signing_keys else []
    app = make_app(
        signing_keys=[bytes.fromhex(key) for key in keys],
        report_seconds=given.report_seconds,
        stop_seconds=given.stop_seconds,
    )
    web.run_app(app, host="127.0.0.1", port=given.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
