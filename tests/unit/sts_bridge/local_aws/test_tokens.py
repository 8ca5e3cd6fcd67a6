"""Sealed tokens: whole again for whom and what they were sealed, and for nothing else."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from sts_bridge.local_aws.tokens import Session, Vault

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SESSION = Session(
    role_arn="arn:aws:iam::111122223333:role/team/Admin",
    role_id="AROAEXAMPLE",
    role_name="Admin",
    partition="aws",
    account="111122223333",
    session_name="ada@example.test",
    issued_at=NOW,
    ends_at=NOW + timedelta(hours=1),
    source_identity="ada",
    tags={"Team": "päyments"},
    transitive_tag_keys=("Team",),
    session_policy="{}",
    session_policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
)


def test_a_session_comes_back_as_it_was() -> None:
    """The token alone holds the whole session, and the key it belongs to."""
    vault = Vault(b"k" * 32)
    credentials = vault.issue(SESSION)
    opened = vault.open_session("session token", credentials.session_token)
    assert opened is not None
    assert opened[0] == SESSION
    assert opened[1]["key"] == credentials.access_key_id
    assert vault.secret_access_key(credentials.access_key_id) == credentials.secret_access_key
    assert SESSION.arn == "arn:aws:sts::111122223333:assumed-role/Admin/ada@example.test"
    assert SESSION.user_id == "AROAEXAMPLE:ada@example.test"


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
    assert vault.open_session("session token", token) is not None
