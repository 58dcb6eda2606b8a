"""The tables of selling, one file for each subject.

Each says in its first lines which files write it.
"""

from sellers.models.agreements import Agreement
from sellers.models.catalog import (
    CatalogChange,
    CatalogEntry,
    CatalogFigures,
    CatalogTrade,
    FiguresVersion,
    SoldRevision,
)
from sellers.models.domains import Domain
from sellers.models.health import Breaker, Health, ProbeResult
from sellers.models.keys import ApiKey, Repeat
from sellers.models.listings import Listing, Price, Revision, Seller, ShelfVersion, SignedOffers
from sellers.models.notices import Notice
from sellers.models.previews import Preview
from sellers.models.reviews import Hold, Proposal, Report, Verdict
from sellers.models.secrets import ProposedSecret, UpstreamSecret
from sellers.models.verifications import Verification
from sellers.models.webhooks import Delivery, Webhook
from sellers.models.worksheets import Fetch, Logo, Look, Payout, Worksheet

__all__ = [
    "Agreement",
    "ApiKey",
    "Breaker",
    "CatalogChange",
    "CatalogEntry",
    "CatalogFigures",
    "CatalogTrade",
    "Delivery",
    "Domain",
    "Fetch",
    "FiguresVersion",
    "Health",
    "Hold",
    "Listing",
    "Logo",
    "Look",
    "Notice",
    "Payout",
    "Preview",
    "Price",
    "ProbeResult",
    "Proposal",
    "ProposedSecret",
    "Repeat",
    "Report",
    "Revision",
    "Seller",
    "ShelfVersion",
    "SignedOffers",
    "SoldRevision",
    "UpstreamSecret",
    "Verdict",
    "Verification",
    "Webhook",
    "Worksheet",
]
