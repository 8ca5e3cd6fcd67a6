"""The bridge without AWS."""
