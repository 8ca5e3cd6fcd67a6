"""JSON for programs: `/health/live`, `/health/started`, `/health/ready`, and `/policy-reports` for browsers.

Each view makes one call to a service. Next door are `idp.portal`, which serves people, and `idp.sso`.
"""
