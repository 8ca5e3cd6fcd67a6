"""Settings, read once: the only reader of Django's settings for our own; the rest receives frozen values.

Modules: directories, saml, access.
"""
