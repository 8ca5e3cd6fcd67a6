"""An outsider that behaves like AWS, for the demo, the tests and anyone without an account.

It takes a statement at `/saml` and shows a console at `/console/`; at `/` it speaks the query protocol of
STS. It runs as a process of its own (`python -m sts_bridge.local_aws`), knows the public metadata that was
registered with it, and shares no code with any room next door.
"""
