"""Compiles contracts into the JSON files beside their sources; a developer's tool.

After changing one: python -m marketplace.embedded.contracts.compile [folder …]
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import vyper.compiler as vyper
from vyper.codegen.ir_node import IRnode
from vyper.compiler.input_bundle import FileInput
from vyper.ir import compile_ir, optimizer
from vyper.ir.s_expressions import parse_s_exp

# Vyper knows no overloading, so it cannot list the split signatures the dollar's __default__ takes.
_JOINED = {"name": "signature", "type": "bytes"}
_SPLIT = [
    {"name": "v", "type": "uint8"},
    {"name": "r", "type": "bytes32"},
    {"name": "s", "type": "bytes32"},
]


def compile_contract(source: Path) -> dict[str, Any]:
    """Turns one contract's source into what the chain runs and how to call it."""
    text = source.read_text()
    if source.suffix == ".ir":
        return {"abi": _described(source.with_suffix(".vyi")), "runtime": _assemble(text)}
    built = vyper.compile_code(
        text, output_formats=["abi", "bytecode", "bytecode_runtime", "layout"]
    )
    layout = built["layout"].get("storage_layout", {})
    return {
        "abi": built["abi"] + _split_overloads(built["abi"]),
        "creation": built["bytecode"],
        "runtime": built["bytecode_runtime"],
        "storage": {name: place["slot"] for name, place in layout.items()},
    }


def write_contracts(folder: Path) -> list[Path]:
    """Compiles every contract of a folder and writes each result beside its source."""
    written = []
    for source in sorted([*folder.glob("*.vy"), *folder.glob("*.ir")]):
        target = source.with_suffix(".json")
        target.write_text(json.dumps(compile_contract(source), indent=1) + "\n")
        written.append(target)
    return written


def _described(interface: Path) -> Any:
    file = FileInput(0, interface, interface, interface.read_text())
    return vyper.compile_from_file_input(file, output_formats=["abi"])["abi"]


def _assemble(text: str) -> str:
    decimal = re.sub(r"\b0x[0-9a-f]+", lambda number: str(int(number[0], 16)), text)
    tree = optimizer.optimize(IRnode.from_list(parse_s_exp(decimal)[0]))
    bytecode, _ = compile_ir.assembly_to_evm(compile_ir.compile_to_assembly(tree))
    return f"0x{bytecode.hex()}"


def _split_overloads(abi: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return (
        [
            {**entry, "inputs": entry["inputs"][:-1] + _SPLIT}
            for entry in abi
            if entry["type"] == "function" and _JOINED in entry["inputs"][-1:]
        ]
        if any(entry["type"] == "fallback" for entry in abi)
        else []
    )


if __name__ == "__main__":
    for argument in sys.argv[1:] or [str(Path(__file__).parent)]:
        for path in write_contracts(Path(argument)):
            print(path)
