"""Logos: small pictures, taken for what their bytes are and not for what they are called."""

from __future__ import annotations

import hashlib

from sellers.drafts import LOGO
from sellers.models import Logo, Seller
from sellers.refusals import bad

LOGO_BYTES_MAX = 65_536
LOGOS_MAX = 50


def keep(seller: Seller, picture: bytes) -> str:
    """Keep a picture and name it by its hash; the same one again is the same row."""
    if len(picture) > LOGO_BYTES_MAX:
        raise bad("logo", f"at most {LOGO_BYTES_MAX // 1024} KiB")
    kind = _kind(picture)
    name = hashlib.sha256(picture).hexdigest()
    if seller.logos.filter(hash=name).exists():
        return name
    if seller.logos.count() >= LOGOS_MAX:
        raise bad("logo", f"you have given {LOGOS_MAX} pictures; use one of them")
    seller.logos.get_or_create(hash=name, defaults={"content_type": kind, "picture": picture})
    return name


def refuse_others(seller: Seller, name: str) -> None:
    """A seller shows pictures that they gave; those of others are as good as none."""
    if name and not (LOGO.fullmatch(name) and seller.logos.filter(hash=name).exists()):
        raise bad("logo", "no picture of yours has this hash")


def find(name: str) -> Logo | None:
    """The picture of this hash, whoever gave it."""
    return Logo.objects.filter(hash=name).first()


def _kind(picture: bytes) -> str:
    """No SVG: it is a program as much as a picture."""
    if picture.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if picture.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
        return "image/webp"
    raise bad("logo", "a PNG, JPEG or WebP picture")
