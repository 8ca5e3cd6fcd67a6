"""Sealed tokens: whole again for whom and what they were sealed, and for nothing else."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sts_bridge.local_aws.callers import Caller, Kind
from sts_bridge.local_aws.tokens import Vault, account_of_key

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SESSION = Caller(
    kind=Kind.ROLE,
    partition="aws",
    account="111122223333",
    arn="arn:aws:sts::111122223333:assumed-role/Admin/ada@example.test",
    user_id="AROAEXAMPLE:ada@example.test",
    principal_arn="arn:aws:iam::111122223333:role/team/Admin",
    name="ada@example.test",
    issued_at=NOW,
    ends_at=NOW + timedelta(hours=1),
    source_identity="ada",
    tags={"Team": "p\u00e4yments"},
    transitive_tag_keys=("Team",),
    session_policy="{}",
    session_policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
    provider="arn:aws:iam::111122223333:saml-provider/drawbridge",
    kept_keys={"saml:sub": "a1b2c3"},
    chained=True,
    mfa_at=NOW,
)


def test_a_session_comes_back_as_it_was() -> None:
    """The token alone holds the whole session, and the key it belongs to."""
    vault = Vault(b"k" * 32)
    credentials = vault.issue(SESSION)
    opened = vault.open_caller("session token", credentials.session_token)
    assert opened is not None
    assert opened[0] == SESSION
    assert opened[1]["key"] == credentials.access_key_id
    assert vault.secret_access_key(credentials.access_key_id) == credentials.secret_access_key
    assert vault.open_credentials(credentials.access_key_id, credentials.session_token) == SESSION
    assert vault.open_credentials(vault.issue(SESSION).access_key_id, credentials.session_token) is None


def test_a_changed_or_foreign_token_opens_nothing() -> None:
    """One bit changed, another key, another purpose and nonsense open nothing; the token itself does."""
    vault = Vault(b"k" * 32)
    token = vault.issue(SESSION).session_token
    raw = bytearray(base64.b64decode(token))
    for at in (0, len(raw) // 2, len(raw) - 1):
        changed = raw.copy()
        changed[at] ^= 1
        assert vault.open("session token", base64.b64encode(changed).decode()) is None
    assert Vault(b"l" * 32).open("session token", token) is None
    assert vault.open("console session", token) is None
    for nonsense in ("", "A", "AAAA", "????", token[:-4], token + "AAAA", "\u00e4" * 40):
        assert vault.open("session token", nonsense) is None
    assert vault.open("session token", token) is not None


def test_two_sessions_share_nothing() -> None:
    """Key, secret and token are fresh each time, and none shows in a repr."""
    vault = Vault(b"k" * 32)
    first, second = vault.issue(SESSION), vault.issue(SESSION)
    assert first.access_key_id != second.access_key_id
    assert first.secret_access_key != second.secret_access_key
    assert first.session_token != second.session_token
    assert first.secret_access_key not in repr(first)
    assert first.session_token not in repr(first)


@pytest.mark.parametrize("size", [0, 1, 1000, 4096])
def test_a_token_is_padded_to_the_size_asked_for(size: int) -> None:
    """The least size is met and costs nothing but length."""
    vault = Vault(b"k" * 32)
    token = vault.issue(SESSION, smallest_token=size).session_token
    assert len(token) >= size
    assert vault.open_caller("session token", token) is not None


def test_a_key_identifier_carries_its_account() -> None:
    """Like AWS's own, a temporary key tells whose account it is for, and no two keys are alike."""
    vault = Vault(b"k" * 32)
    for account in ("111122223333", "000000000001", "999999999999"):
        keys = {vault.issue(replace(SESSION, account=account)).access_key_id for _ in range(50)}
        assert len(keys) == 50
        assert {account_of_key(key) for key in keys} == {account}
        assert all(len(key) == 20 and key.startswith("ASIA") for key in keys)
    assert account_of_key("ASIA1") is None
