"""The verbs, with a real database."""
