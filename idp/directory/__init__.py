"""Asks LDAP or Active Directory: is this the password, who is this, in which groups, who is in that group.

The only room that imports `ldap` or `django_auth_ldap`; it writes to no table. Values of the domain come
out, raw entries stay inside. Services are next door, above; `models` and `saml` stand beside it.
"""
