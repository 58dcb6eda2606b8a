from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class MarketplaceConfig(AppConfig):
    name = "marketplace"


class AdminPagesConfig(AdminConfig):
    default_site = "marketplace.admin_pages.AdminPages"

    def ready(self) -> None:
        """Django's own pages could make admins past the audit log: `manage.py account` does."""
        from django.contrib import admin
        from django.contrib.auth.models import Group, User

        super().ready()
        admin.site.unregister((User, Group))
