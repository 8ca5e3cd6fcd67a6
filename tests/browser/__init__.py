"""Chromium through the pages: what a person sees and does; a violated content security policy fails the test."""
