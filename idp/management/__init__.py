"""Commands for operators: each parses, calls one service, prints; `services` is next door, below."""
