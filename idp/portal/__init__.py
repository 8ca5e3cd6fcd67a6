"""Pages for people: `/`, `/sign-in/`, `/sign-out/`, `/password/`, `/go/…`, `/roles/…/console`, `/sessions/`.

Each view translates and makes one call to a service; what all HTTP rooms share lies in `idp.web`. Next door
are `idp.sso`, which serves service providers, and `idp.admin`.
"""
