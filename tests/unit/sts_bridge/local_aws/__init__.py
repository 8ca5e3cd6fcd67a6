"""Tests of the local AWS that need no process of it."""
