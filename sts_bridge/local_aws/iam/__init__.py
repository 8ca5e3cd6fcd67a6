"""The operations of IAM, as many as finding roles, ending sessions and rolling out metadata need; one file each.

Next door: `state` keeps what they write, `policies` reads it at the next call.
"""
