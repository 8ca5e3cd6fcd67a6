"""How the product is packed, started, configured and demonstrated."""
