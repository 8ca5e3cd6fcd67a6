"""Facts about credentials."""
