"""The identity provider's rooms with their real servers."""
