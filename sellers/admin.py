"""Listings as an operator may look at them; they change in `sellers.listings` and `judging`."""

from __future__ import annotations

from django.contrib import admin

from payments.admin import ReadOnly
from sellers.models import Listing, Price, Revision, Seller


@admin.register(Seller)
class SellerAdmin(ReadOnly):
    list_display = ("slug", "name", "created_at")
    search_fields = ("slug", "name")


@admin.register(Listing)
class ListingAdmin(ReadOnly):
    list_display = ("path", "state", "live_revision", "proposed_revision", "created_at")
    list_filter = ("state",)
    list_select_related = ("seller", "live_revision", "proposed_revision")
    search_fields = ("slug", "seller__slug")


@admin.register(Revision)
class RevisionAdmin(ReadOnly):
    list_display = ("listing", "number", "created_at")
    list_select_related = ("listing__seller",)


@admin.register(Price)
class PriceAdmin(ReadOnly):
    list_display = ("revision", "network", "amount_atomic", "pay_to")
    list_filter = ("network",)
