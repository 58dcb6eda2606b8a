"""How `marketplace.settings` reads what an operator sets, and what it hands on to Django."""
