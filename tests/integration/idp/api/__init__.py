"""Tests of `idp.api`."""
