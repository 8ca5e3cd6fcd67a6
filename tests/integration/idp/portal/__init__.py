"""Tests of `idp.portal`."""
