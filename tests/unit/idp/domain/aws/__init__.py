"""What AWS calls things and what it allows."""
