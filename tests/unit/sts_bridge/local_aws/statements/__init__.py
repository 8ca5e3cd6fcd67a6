"""Tests of the way of a statement, from characters to claims."""
