"""Times of the federation endpoint: a token for fifteen minutes, a console for as long as its keys."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

import pytest

from sts_bridge.local_aws import console, pages
from sts_bridge.local_aws.callers import Caller, Kind
from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.federation import log_in, signin_token
from sts_bridge.local_aws.realm import Realm, realm_of
from sts_bridge.local_aws.sign_in import SignedIn
from sts_bridge.local_aws.state import State
from sts_bridge.local_aws.world.load import load_world
from tests.attacks import forge
from tests.unit.sts_bridge.local_aws.test_world import written

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOME = "https://bridge.example.test/"


@pytest.fixture
def realm(tmp_path: Path) -> Realm:
    world = load_world(written(tmp_path, forge.world()))
    return realm_of(world, State())


def holder(minutes: int = 60) -> Caller:
    return Caller(
        kind=Kind.ROLE,
        partition="aws",
        account=forge.ACCOUNT,
        arn=f"arn:aws:sts::{forge.ACCOUNT}:assumed-role/ReadOnly/ada",
        user_id="AROAEXAMPLE:ada",
        principal_arn=forge.ROLE,
        name="ada",
        issued_at=NOW,
        ends_at=NOW + minutes * MINUTE,
    )


def token(realm: Realm, caller: Caller, at: datetime = NOW, **more: str) -> str:
    found = realm.vault.issue(caller)
    session = {
        "sessionId": found.access_key_id,
        "sessionKey": found.secret_access_key,
        "sessionToken": found.session_token,
    }
    return signin_token({"Session": json.dumps(session), **more}, request_id="r", realm=realm, now=at)


def enter(realm: Realm, sign_in_token: str, at: datetime) -> SignedIn:
    parameters = {
        "SigninToken": sign_in_token,
        "Destination": "https://console.aws.amazon.com/",
        "Issuer": HOME,
    }
    return log_in(parameters, request_id="r", realm=realm, now=at)


def test_a_token_lives_fifteen_minutes(realm: Realm) -> None:
    """Until the end of its fifteen minutes, and not at it."""
    issued = token(realm, holder())
    assert enter(realm, issued, NOW + 15 * MINUTE - timedelta(seconds=1)).issuer == HOME
    with pytest.raises(AwsError):
        enter(realm, issued, NOW + 15 * MINUTE)


def test_keys_that_have_ended_open_nothing(realm: Realm) -> None:
    """Neither a token nor, where it says no length of its own, a console; with one the console outlives them."""
    with pytest.raises(AwsError):
        token(realm, holder(0))
    short, longer = token(realm, holder(5)), token(realm, holder(5), SessionDuration="3000")
    assert enter(realm, short, NOW + 4 * MINUTE).caller.ends_at == NOW + 5 * MINUTE
    with pytest.raises(AwsError):
        enter(realm, short, NOW + 5 * MINUTE)
    assert enter(realm, longer, NOW + 5 * MINUTE).caller.ends_at == NOW + 55 * MINUTE


def test_what_narrows_a_session_is_told_in_its_console_and_fits_a_cookie(realm: Realm) -> None:
    """Policies as long as AWS takes them arrive whole; the longest destination beside them is not shown."""
    noise = base64.b64encode(hashlib.shake_256(b"x").digest(1_450)).decode()
    policy = json.dumps({"Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Sid": noise}})
    assert 2_000 <= len(policy) <= 2_048
    narrowed = replace(holder(), session_policy=policy, session_policy_arns=(forge.ROLE,))
    session = SignedIn(caller=narrowed, destination=None, issuer=HOME)
    far = replace(session, destination="https://console.aws.amazon.com/" + noise)
    for signed_in in (session, far):
        cookie = console.seal_session(signed_in, vault=realm.vault)
        assert len(cookie) < 4_000
        assert console.read_session(cookie, vault=realm.vault) == session
        assert not console.is_over(signed_in, surroundings={}, realm=realm, now=NOW)
    page = pages.console_page(narrowed, None, None)
    assert f'<dd id="narrowed-by">{forge.ROLE} {escape(policy)}</dd>' in page
    assert "narrowed-by" not in pages.console_page(holder(), None, None)


def test_a_session_is_over_at_its_end_and_when_its_role_denies_everything(realm: Realm) -> None:
    """The end counts, and so does a policy that ends older sessions; a younger session goes on."""
    old, young = enter(realm, token(realm, holder()), NOW), replace(holder(), issued_at=NOW + 2 * MINUTE)
    cookie = console.seal_session(old, vault=realm.vault)
    assert console.read_session(cookie, vault=realm.vault) == old

    def over(signed_in: SignedIn, at: datetime) -> bool:
        return console.is_over(signed_in, surroundings={}, realm=realm, now=at)

    assert not over(old, NOW + 59 * MINUTE)
    assert over(old, NOW + 60 * MINUTE)
    condition = {"DateLessThan": {"aws:TokenIssueTime": "2026-03-02T09:31:00Z"}}
    policy = {"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}]}
    with realm.state.writing() as tables:
        tables.execute(
            "INSERT INTO role_policy VALUES (?, 'AWSRevokeOlderSessions', ?)",
            (forge.ROLE, json.dumps(policy)),
        )
    assert over(old, NOW + MINUTE)
    assert not over(replace(old, caller=young), NOW + 3 * MINUTE)
