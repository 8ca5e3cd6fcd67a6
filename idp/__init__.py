"""The identity provider: who you are, what you may have, and a signed statement of it; next door is `sts_bridge`."""
