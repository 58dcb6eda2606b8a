"""What a seller does on pages, for programs: JSON under /api/sell/, opened with an API key."""
