"""The small real upstream behind the demo's listings: seven tools that compute, offline."""
