"""Tests of `idp.project`."""
