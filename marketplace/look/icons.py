"""The few icons of the site, drawn in lines on a square of 24."""

from __future__ import annotations

from typing import Final

ICONS: Final = {
    "arrow": "M5 12h14M13 6l6 6-6 6",
    "back": "M19 12H5M11 6l-6 6 6 6",
    "bag": "M5 8h14l-1 12H6L5 8ZM9 8V6a3 3 0 0 1 6 0v2",
    "book": "M12 6c-2-1.5-5-2-8-2v14c3 0 6 .5 8 2 2-1.5 5-2 8-2V4c-3 0-6 .5-8 2ZM12 6v14",
    "chart": "M4 20h16M7 16v-4M12 16V6M17 16V9",
    "check": "M5 12.5l4.5 4.5L19 7",
    "clock": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5l3 2",
    "copy": "M9 9h11v11H9zM5 15H4V4h11v1",
    "cross": "M6 6l12 12M18 6 6 18",
    "down": "M6 9l6 6 6-6",
    "empty": "M4 13l3-8h10l3 8v6H4v-6ZM4 13h5a3 3 0 0 0 6 0h5",
    "external": "M14 5h5v5M19 5l-8 8M18 14v5H5V6h5",
    "gear": "M4 7h10M18 7h2M4 17h2M10 17h10M14 4.5v5M10 14.5v5",
    "info": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 11v5M12 8h.01",
    "moon": "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
    "plus": "M12 5v14M5 12h14",
    "pulse": "M3 12h4l3-7 4 14 3-7h4",
    "search": "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM16 16l4.5 4.5",
    "shield": "M12 3l7 3v5c0 4.5-3 8-7 10-4-2-7-5.5-7-10V6l7-3ZM9 11.5l2.2 2.2L15 10",
    "store": (
        "M4 9l1.5-5h13L20 9M4 9a2.7 2.7 0 0 0 5.3 0 2.7 2.7 0 0 0 5.4 0 2.7 2.7 0 0 0 5.3 0"
        "M5.5 12v8h13v-8"
    ),
    "sun": (
        "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5"
        "M17.5 17.5 19 19M19 5l-1.5 1.5M6.5 17.5 5 19"
    ),
    "tag": "M3.5 12.5 12 4h8v8l-8.5 8.5-8-8ZM16 8h.01",
    "user": "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5",
    "warning": "M12 4 2.5 20h19L12 4ZM12 10v4M12 17h.01",
}  # fmt: skip
