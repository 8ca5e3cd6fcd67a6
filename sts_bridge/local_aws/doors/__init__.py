"""The addresses: `/` for programs, `/saml`, `/federation`, `/console/` and `/oauth` for browsers.

Each handler reads what arrived, asks one use-case, and answers in the form that its caller can read; next door
`server` puts them together.
"""
