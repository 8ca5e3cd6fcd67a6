"""Tests of `idp.admin`."""
