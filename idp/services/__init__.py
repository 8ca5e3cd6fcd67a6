"""The verbs: one use-case a file, each with keyword-only arguments that take `now`.

They call domain, directory, saml and models, and give back a domain value or raise a named refusal. A
change and its audit event are one transaction. The doors (portal, sso, api, admin, tasks, commands) are
next door, above `web`.
"""
