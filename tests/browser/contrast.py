"""How well one colour can be read on another (WCAG 2, relative luminance and contrast)."""

from __future__ import annotations

Rgb = tuple[float, float, float]

LEAST = 4.5  # for texts of ordinary size (WCAG 2, 1.4.3)


def luminance(colour: Rgb) -> float:
    parts = (part / 255 for part in colour)
    linear = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Rgb, other: Rgb) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
