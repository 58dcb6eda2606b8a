"""What agents bought, for whoever holds their wallets: receipts, spend, limits."""
