"""Tests without servers; folders mirror the rooms."""
