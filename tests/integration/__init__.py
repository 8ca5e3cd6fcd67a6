"""Rooms with their real servers."""
