"""What AWS calls things and what it allows: ARNs, durations, session names, sign-in addresses, SAML attributes."""
