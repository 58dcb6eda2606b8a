"""Where the demo chain's node comes from: the one that is named, the PATH's, else npm's.

`node/package-lock.json` pins the npm package with its integrity; its entries carry no address, so
npm fetches from wherever this machine is told to. Platforms whose package could not be looked at
when the lock was made are pinned by version alone.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MANIFESTS = Path(__file__).with_name("node")
PACKAGE = "@foundry-rs/anvil"
INSTALL_SECONDS = 600.0
LOOK_SECONDS = 30.0

OTHER_WAYS = (
    "Or install Foundry yourself (https://getfoundry.sh) and put anvil on the PATH or name it in "
    "ANVIL_BIN. Then start again."
)


class ChainError(Exception):
    """Why the demo chain cannot run, in one paragraph with its fix."""


def find_anvil(named: str, state_dir: Path) -> Path:
    """Gives a node that runs on this machine, fetched into the state folder when there is none."""
    if named:
        return _that_runs(Path(named).expanduser(), "ANVIL_BIN names")
    if on_path := shutil.which("anvil"):
        return _that_runs(Path(on_path), "The PATH leads to")
    installed = _installed_in(_folder(state_dir)) or _install(state_dir)
    return _that_runs(installed, "npm delivered")


def _that_runs(binary: Path, origin: str) -> Path:
    """A binary for another machine, or for a newer C library, is found out by running it."""
    try:
        looked = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=LOOK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ChainError(
            f"{origin} {binary} as the demo chain's node (anvil), but it does not run here: "
            f"{error}. {OTHER_WAYS}"
        ) from error
    if looked.returncode == 0 and looked.stdout.startswith("anvil"):
        return binary
    words = (looked.stderr or looked.stdout).strip().splitlines() or ["it says nothing"]
    cure = (
        "It was built for a newer C library (glibc) than this machine has: use a newer release of "
        f"the system, or a container of one. {OTHER_WAYS}"
        if "GLIBC" in looked.stderr
        else OTHER_WAYS
    )
    raise ChainError(
        f"{origin} {binary} as the demo chain's node (anvil), but it does not run here: "
        f"{words[0]}. {cure}"
    )


def _folder(state_dir: Path) -> Path:
    version = json.loads((MANIFESTS / "package.json").read_text())["dependencies"][PACKAGE]
    return state_dir / "node" / f"anvil-{version}"


def _installed_in(folder: Path) -> Path | None:
    # The platform's package holds the binary; the one above it only a launcher that needs node.
    return next(iter(folder.glob(f"node_modules/{PACKAGE}-*/bin/anvil*")), None)


def _install(state_dir: Path) -> Path:
    npm = shutil.which("npm") or shutil.which("npm", path=Path(sys.executable).parent)
    if npm is None:
        raise ChainError(
            "The demo chain's node (anvil) is missing and there is no npm to fetch it with. On "
            f"Debian and Ubuntu: sudo apt install npm. {OTHER_WAYS}"
        )
    folder = _folder(state_dir)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Made aside and moved into place: of two installations at once the first one stays.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="installing-") as aside:
        for manifest in ("package.json", "package-lock.json"):
            shutil.copy(MANIFESTS / manifest, aside)
        _npm_install(npm, Path(aside), state_dir)
        if _installed_in(Path(aside)) is None:
            raise ChainError(
                f"npm has no {PACKAGE} for this kind of machine ({sys.platform}). {OTHER_WAYS}"
            )
        try:
            Path(aside).chmod(0o755)
            Path(aside).rename(folder)
            Path(aside).mkdir()  # for the context manager to take away
        except OSError:
            if _installed_in(folder) is None:
                raise
    installed = _installed_in(folder)
    assert installed is not None
    return installed


def _npm_install(npm: str, folder: Path, state_dir: Path) -> None:
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if not os.access(Path.home(), os.W_OK):
        options.append(f"--cache={state_dir / 'node' / 'cache'}")
    try:
        ran = subprocess.run(
            [npm, "ci", *options],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ChainError(f"{npm} did not fetch {PACKAGE}: {error}. {OTHER_WAYS}") from error
    if ran.returncode != 0:
        raise ChainError(
            f"npm could not fetch the demo chain's node ({PACKAGE}); this needs a network the "
            f"first time. npm said: {_complaint(ran.stderr)} {OTHER_WAYS}"
        )


def _complaint(stderr: str) -> str:
    lines = [line.removeprefix("npm error").strip() for line in stderr.splitlines()]
    told = [line for line in lines if line and "complete log" not in line.lower()]
    return " / ".join(told[:3]) or "nothing."
