"""Fresh identifiers for one statement, made at the door."""

import secrets

from idp.domain.assertion import NewIds


def new_ids() -> NewIds:
    """Three xs:ID values of 128 random bits each (SAML Core 1.3.4); the underscore makes them an NCName."""
    response, assertion, session_index = (f"_{secrets.token_hex(16)}" for _ in range(3))
    return NewIds(response=response, assertion=assertion, session_index=session_index)
