"""What the web server runs: `/call/` goes to the paid door, everything else to Django."""

from __future__ import annotations

import os

from payments.loaded import collect_seldom

collect_seldom()  # all that follows is loaded for good

import django  # noqa: E402

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
django.setup(set_prefix=False)  # settings and models first; the imports below need them

from django.conf import settings  # noqa: E402

from marketplace.pages import Pages  # noqa: E402
from marketplace.surface import Surface  # noqa: E402

if settings.STATEMENT_MS_MAX:  # only here: a command's statements take as long as they take
    _options = settings.DATABASES["default"].setdefault("OPTIONS", {})
    _given = _options.get("options", "")
    _options["options"] = f"{_given} -c statement_timeout={settings.STATEMENT_MS_MAX}".strip()

application = Surface(Pages(), surface=settings.SURFACE)
