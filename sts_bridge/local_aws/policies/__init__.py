"""Policies as IAM reads them: a document in, and of each request whether it is allowed, denied, and by what.

`documents` reads them, `decisions` holds a request to them; next door `authorization` asks for the callers of
the API.
"""
