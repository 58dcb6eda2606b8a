from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class MarketplaceConfig(AppConfig):
    name = "marketplace"


class AdminPagesConfig(AdminConfig):
    default_site = "marketplace.admin_pages.AdminPages"
