"""Commands for operators; each parses, calls one service and prints."""
