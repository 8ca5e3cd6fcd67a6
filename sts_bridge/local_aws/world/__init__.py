"""The pretended AWS: what exists in it, read from one JSON file whose mistakes are named by line.

`model` says what things are, `load` reads the file; next door `state` keeps what calls of the API change.
"""
