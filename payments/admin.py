"""Money as an operator may look at it: nothing here can be changed, and no body is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from payments.models import (
    Broadcast,
    Cap,
    ChainHealth,
    FailedSend,
    GasUse,
    Loss,
    Payment,
    Progress,
    Relayer,
    Transfer,
)

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Model]
else:  # not generic while the program runs
    _ModelAdmin = admin.ModelAdmin


class ReadOnly(_ModelAdmin):
    """A page to look at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Payment)
class PaymentAdmin(ReadOnly):
    list_display = ("id", "created_at", "listing_path", "network", "amount_atomic", "payer")
    list_filter = ("network", "release")
    search_fields = ("id", "payer", "pay_to", "listing_path")
    exclude = ("signature", "identifier_hash", "identity", "caps")


@admin.register(Progress)
class ProgressAdmin(ReadOnly):
    list_display = ("payment_id", "work", "money", "version", "next_check_at", "closed_at")
    list_filter = ("network", "work", "money")
    search_fields = ("payment__id",)


@admin.register(Cap)
class CapAdmin(ReadOnly):
    list_display = ("key", "used_atomic", "on_trust_atomic", "earned_atomic", "lost_at")
    search_fields = ("key",)


@admin.register(Loss)
class LossAdmin(ReadOnly):
    list_display = ("lost_at", "payment_id", "forgiven_at")


@admin.register(Transfer)
class TransferAdmin(ReadOnly):
    list_display = ("at", "phase", "debit", "credit", "amount_atomic", "network", "payment_id")
    list_filter = ("phase", "network")
    search_fields = ("payment__id", "debit", "credit")


@admin.register(Broadcast)
class BroadcastAdmin(ReadOnly):
    list_display = ("created_at", "kind", "relayer", "nonce", "variant", "mined_block", "final_at")
    list_filter = ("kind",)
    exclude = ("raw",)


@admin.register(Relayer)
class RelayerAdmin(ReadOnly):
    list_display = ("network", "address", "next_nonce", "balance_wei", "stopped_why")


@admin.register(ChainHealth)
class ChainHealthAdmin(ReadOnly):
    list_display = ("network", "head_number", "head_time", "seen_at", "refusing_why")


@admin.register(FailedSend)
class FailedSendAdmin(ReadOnly):
    list_display = ("at", "payer", "payment_id")
    search_fields = ("payer",)


@admin.register(GasUse)
class GasUseAdmin(ReadOnly):
    list_display = ("day", "network", "seller_id", "payments", "gas_wei")
