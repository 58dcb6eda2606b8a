"""How Souk looks: what pages are made of, from an amount of money to a chart."""
