"""The bridge's verbs, one use-case a file: `redeem`, `issue_credentials`, `connect_account`, `health`.

They call `sts_bridge.aws` and enter the identity provider by `idp.services` and `idp.domain` only.
"""
