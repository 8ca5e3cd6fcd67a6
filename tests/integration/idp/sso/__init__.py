"""The doors of the SAML protocol."""
