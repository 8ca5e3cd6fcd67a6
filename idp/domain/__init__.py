"""Facts and decisions in plain Python: no Django, no XML, no network, no clock, no randomness.

Every other room may import this one; it imports none. Moments and fresh identifiers are arguments.
"""
