"""The small real upstream behind the demo's listings: six tools that compute, offline."""
