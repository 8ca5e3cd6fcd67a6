"""Facts and decisions, without a database and without a network."""
