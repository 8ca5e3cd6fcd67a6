"""The demo: a made-up company, its directory, and everything that `make demo` starts."""
