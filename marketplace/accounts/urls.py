"""Every address of an account, under /account/."""

from django.urls import path

from marketplace.accounts import (
    by_hand_views,
    data_views,
    mail_views,
    reset_views,
    second_factor_views,
    views,
    wallet_views,
)

urlpatterns = [
    path("", views.home, name="account-home"),
    path("sign-in", views.sign_in, name="account-sign-in"),
    path("sign-up", views.sign_up, name="account-sign-up"),
    path("sign-out", views.sign_out, name="account-sign-out"),
    path("details", views.details, name="account-details"),
    path("password", views.password, name="account-password"),
    path("forgot", reset_views.forgot, name="account-forgot"),
    path("reset", reset_views.reset, name="account-reset"),
    path("reset/<str:place>/<str:token>", reset_views.follow, name="account-reset-link"),
    path("mail", mail_views.confirm, name="account-mail"),
    path("mail/again", mail_views.again, name="account-mail-again"),
    path("mail/confirm/<str:token>", mail_views.follow, name="account-mail-link"),
    path("sessions/end", views.end_session, name="account-end-session"),
    path("sessions/end-all", views.end_sessions, name="account-end-sessions"),
    path("wallet/ask", wallet_views.ask, name="account-wallet-ask"),
    path("wallet/sign-in", wallet_views.sign_in, name="account-wallet-sign-in"),
    path("wallet/ask-to-link", wallet_views.ask_to_link, name="account-wallet-ask-to-link"),
    path("wallet/link", wallet_views.link, name="account-wallet-link"),
    path(
        "wallet/ask-to-link-to-pay",
        wallet_views.ask_to_link,
        {"pays_only": True},
        name="account-wallet-ask-to-link-to-pay",
    ),
    path(
        "wallet/link-to-pay",
        wallet_views.link,
        {"pays_only": True},
        name="account-wallet-link-to-pay",
    ),
    path("wallet/by-hand", by_hand_views.sign_in, name="account-wallet-by-hand"),
    path("wallet/link-by-hand", by_hand_views.link, name="account-wallet-link-by-hand"),
    path(
        "wallet/link-to-pay-by-hand",
        by_hand_views.link,
        {"pays_only": True},
        name="account-wallet-link-to-pay-by-hand",
    ),
    path("wallet/entry", wallet_views.set_entry, name="account-wallet-entry"),
    path("wallet/unlink", wallet_views.unlink, name="account-wallet-unlink"),
    path("data", data_views.show, name="account-data"),
    path("data/archive", data_views.archive, name="account-archive"),
    path("data/erase", data_views.erase, name="account-erase"),
    path("data/keep", data_views.keep, name="account-keep"),
    path("second-factor", second_factor_views.show, name="account-second-factor"),
    path("second-factor/new", second_factor_views.take_up, name="account-second-factor-new"),
    path("second-factor/codes", second_factor_views.renew_codes, name="account-recovery-codes"),
    path("second-factor/remove", second_factor_views.remove, name="account-second-factor-remove"),
]
