"""OpenAPI documents of strangers, 3.0 and 3.1, read within limits."""
