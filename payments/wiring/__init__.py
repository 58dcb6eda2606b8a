"""The one room here that reads settings: it hands every part of `payments` what it needs."""
