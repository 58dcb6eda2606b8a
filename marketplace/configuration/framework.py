"""How Django is put together here: its parts, in their order. Nothing of it is an operator's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

INSTALLED_APPS = [
    "marketplace.apps.MarketplaceConfig",  # first: its createsuperuser goes before Django's
    "marketplace.apps.AdminPagesConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_htmx",
    "payments.apps.PaymentsConfig",
    "sellers.apps.SellersConfig",
    "marketplace.accounts.apps.AccountsConfig",
    "marketplace.catalog.apps.CatalogConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "marketplace.csp.ContentSecurityPolicy",
    "marketplace.plain_forms.PlainForms",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "marketplace.accounts.middleware.Visits",
]
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "sellers.api.problems.answer",
}
_JUDGES = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_JUDGES}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": f"{_JUDGES}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_JUDGES}.CommonPasswordValidator"},
    {"NAME": f"{_JUDGES}.NumericPasswordValidator"},
]
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # a domain's other names are the operator's to bind, not ours
    "security.W008",  # the proxy redirects; a redirect here would swallow payments
    "security.W021",  # nor is it ours to have them preloaded
]


def templates(folder: Path) -> list[dict[str, Any]]:
    """The pages' templates, all in one folder."""
    return [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [folder],
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                    "marketplace.views.site",
                ]
            },
        }
    ]


def api_document(site_name: str, base_url: str) -> dict[str, Any]:
    """What the sellers' API says of itself."""
    return {
        "TITLE": f"{site_name}: API for sellers",
        "DESCRIPTION": "What a seller does on pages, for programs. Keys are made at /sell/keys.",
        "VERSION": "1",
        "OAS_VERSION": "3.1.0",
        "SCHEMA_PATH_PREFIX": "/api/sell",
        "SERVERS": [{"url": base_url}],
    }


def logging(form: str, level: str) -> dict[str, Any]:
    """One line, or one JSON object, for everything that is said."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
            "json": {"()": "marketplace.logs.JsonLine"},
        },
        "filters": {"one line": {"()": "marketplace.foreign_hosts.OneLine"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": form}},
        "loggers": {"django.security.DisallowedHost": {"filters": ["one line"]}},
        "root": {"handlers": ["console"], "level": level},
    }
