"""Tests by kind, then mirroring the rooms; `servers` starts the real servers they need."""
