"""`manage.py lock`: pin every dependency again, with hashes and without index hosts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib

from bootstrap import DEVELOPMENT, NODE, ROOT, RUNTIME


def lock(arguments: list[str]) -> int:
    """Write the three locks from pyproject.toml; arguments such as --upgrade go to uv."""
    uv = shutil.which("uv")
    if uv is None:
        sys.stderr.write("Locking needs uv on the PATH: pip install uv, or see its site.\n")
        return 1
    compile_pins = [uv, "pip", "compile", "--universal", "--python-version", "3.11", "--quiet"]
    compile_pins += ["--generate-hashes", "--no-annotate", "--no-emit-index-url", *arguments]
    os.environ["UV_CUSTOM_COMPILE_COMMAND"] = "python3 manage.py lock"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    node = "\n".join(project["project"]["optional-dependencies"]["node"])
    for sources, output, given in (
        (["pyproject.toml"], RUNTIME, ""),
        # Constrained by the first, so that both mean the same versions.
        (["pyproject.toml", "--group", "dev", "-c", RUNTIME], DEVELOPMENT, ""),
        (["-", "-c", RUNTIME], NODE, node),
    ):
        command = [*compile_pins, *sources, "-o", output]
        made = subprocess.run(command, cwd=ROOT, input=given, text=True)
        if made.returncode != 0:
            return made.returncode
        print(f"{output}: {(ROOT / output).read_text(encoding='utf-8').count('==')} packages")
    return 0
