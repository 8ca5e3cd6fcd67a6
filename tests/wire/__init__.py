"""Other people's clients against us, and exact documents."""
