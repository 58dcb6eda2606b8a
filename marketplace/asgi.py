"""What the web server runs: `/call/` goes to the paid door, everything else to Django."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
_site = get_asgi_application()  # settings and models first; the import below needs them

from django.conf import settings  # noqa: E402

from marketplace.surface import Surface  # noqa: E402

if settings.STATEMENT_MS_MAX:  # only here: a command's statements take as long as they take
    _options = settings.DATABASES["default"].setdefault("OPTIONS", {})
    _given = _options.get("options", "")
    _options["options"] = f"{_given} -c statement_timeout={settings.STATEMENT_MS_MAX}".strip()

application = Surface(_site, surface=settings.SURFACE)
