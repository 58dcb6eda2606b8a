"""The documents that the API takes and gives, as they are checked and as OpenAPI says them."""
