"""The SAML room."""
