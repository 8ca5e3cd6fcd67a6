"""The bridge with a real database, Redis and local AWS."""
