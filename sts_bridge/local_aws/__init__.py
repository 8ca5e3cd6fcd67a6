"""An outsider that behaves like AWS, for the demo, the tests and anyone without an account.

At `/` programs find STS, IAM and Organizations; at `/saml`, `/federation`, `/console/` and `/oauth` browsers find
sign-in and a console. It runs as a process of its own (`python -m sts_bridge.local_aws`), knows the public metadata
that was registered with it, and shares no code with any room next door.
"""
