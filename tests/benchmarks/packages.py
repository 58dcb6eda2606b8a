"""What others wrote, fetched from the registries into a cache of the benchmarks' own.

The committed locks pin every version with its hash, and name no host.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from bootstrap import RUNTIME, House
from bootstrap_install import install
from tests.benchmarks.waiting import Failed

NPM_SECONDS = 600


def python_folder(cache: Path, lock: Path) -> Path:
    """A virtual environment with what this lock names."""
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copy(lock, cache / RUNTIME)
    house = House(cache, (RUNTIME,))
    if not house.is_ready():
        install(house)
    return house.folder


def npm_folder(cache: Path, manifests: Path) -> Path:
    """A folder with `node_modules` as these manifests say."""
    cache.mkdir(parents=True, exist_ok=True)
    lock = (manifests / "package-lock.json").read_bytes()
    stamp = cache / "installed-lock.json"
    if not stamp.exists() or stamp.read_bytes() != lock:
        npm = shutil.which("npm")
        if npm is None:
            raise Failed("npm is missing: sudo apt install npm")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(manifests / name, cache)
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=cache,
            capture_output=True,
            text=True,
            timeout=NPM_SECONDS,
        )
        if done.returncode != 0:
            raise Failed(f"npm could not fetch the peers: {done.stderr.strip()[-500:]}")
        stamp.write_bytes(lock)
    return cache
