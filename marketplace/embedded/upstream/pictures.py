"""Small pictures drawn from a name, as PNG."""

import struct
import zlib
from hashlib import sha256
from typing import Final

from marketplace.embedded.upstream.questions import BadInput

_CELLS: Final = 5
_CELL_PIXELS: Final = 40
_MARGIN_PIXELS: Final = 20


def draw_identicon(seed: str) -> bytes:
    """Draw the small symmetric picture that belongs to a name, as a PNG."""
    if not 1 <= len(seed) <= 200:
        raise BadInput("seed is 1 to 200 characters")
    bits = sha256(seed.encode()).digest()
    half = [[bits[3 + 3 * row + column] & 1 for column in range(3)] for row in range(_CELLS)]
    margin = bytes(_MARGIN_PIXELS)
    blank = bytes(2 * _MARGIN_PIXELS + _CELLS * _CELL_PIXELS)
    lines = [blank] * _MARGIN_PIXELS
    for left in half:
        cells = bytes([*left, left[1], left[0]])
        line = margin + b"".join(bytes([cell]) * _CELL_PIXELS for cell in cells) + margin
        lines += [line] * _CELL_PIXELS
    lines += [blank] * _MARGIN_PIXELS
    colour = bytes(40 + part * 140 // 255 for part in bits[:3])
    return _png(lines, palette=b"\xf4\xf1\xea" + colour)


def _png(lines: list[bytes], *, palette: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", len(lines[0]), len(lines), 8, 3, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + line for line in lines), 9)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
