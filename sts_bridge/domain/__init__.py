"""Facts about temporary credentials: what they are, how they are written down, what AWS may refuse.

Plain Python: no Django, no network, no clock. Next door is `conf`; below is only `idp.domain`.
"""
