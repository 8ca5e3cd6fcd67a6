"""The addresses of the SAML protocol.

Route: `/saml/metadata`. Each view translates and calls one service of `idp.services`; next door are
`idp.portal`, which serves people, and `idp.api`, which serves programs.
"""
