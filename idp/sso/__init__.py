"""The addresses of the SAML protocol.

Routes: `/saml/metadata`; `/saml/sso/redirect` and `/saml/sso/post` take requests, `/saml/sso/continue` goes on with
one that has waited for a sign-in, `/saml/sso/start` begins without one; `/saml/slo/redirect` and `/saml/slo/post`
take logout messages, `/saml/slo/continue` walks from one service to the next. Each view translates and calls a
service of `idp.services`; next door are `idp.portal`, which serves people, and `idp.api`, which serves programs.
"""
