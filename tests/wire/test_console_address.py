"""The console address from the federation endpoint: what is sent, what comes back, and what is refused."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from sts_bridge.aws.federation import console_address
from sts_bridge.domain.credentials import Secret, TemporaryCredentials
from sts_bridge.domain.errors import AwsUnavailable, ConsoleNotOpened
from tests.wire.test_sts_retries import Answer, Behaviour, MoodySts, config_for, hang_up

CREDENTIALS = TemporaryCredentials(
    access_key_id="ASIAMADEUPMADEUPMADE",
    secret_access_key=Secret("made+up/secret+canary"),
    session_token=Secret("made+up/token+canary=="),
    issued_at=datetime(2030, 1, 1, tzinfo=UTC),
    expires_at=datetime(2030, 1, 2, tzinfo=UTC),
    assumed_role="arn:aws:sts::111122223333:assumed-role/ReadOnly/jane",
)
GIVEN = (200, json.dumps({"SigninToken": "a token+/="}))
CONSOLE = "https://console.aws.amazon.com/ec2/home?region=eu-west-1&x=1#y"
ISSUER = "https://idp.example.test/session-ended/"


def opened(server: MoodySts) -> Secret:
    return console_address(
        CREDENTIALS,
        endpoint=f"{server.url}/federation",
        destination=CONSOLE,
        issuer=ISSUER,
        config=config_for(server.url),
    )


@pytest.mark.attack("AW-07")
def test_the_credentials_travel_in_the_body_and_the_address_is_a_secret() -> None:
    """Nothing of the credentials is in an address; what comes back prints as dots and says where it leads."""
    with MoodySts(GIVEN) as server:
        address = opened(server)
        ((_, form, _),) = server.requests
    assert form["Action"] == ["getSigninToken"]
    assert json.loads(form["Session"][0]) == {
        "sessionId": CREDENTIALS.access_key_id,
        "sessionKey": CREDENTIALS.secret_access_key.reveal(),
        "sessionToken": CREDENTIALS.session_token.reveal(),
    }
    # Refused for credentials of GetFederationToken and of chained roles; without it the credentials decide.
    assert "SessionDuration" not in form
    assert "token" not in f"{address!r} {address}"
    parts = urlsplit(address.reveal())
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{server.url}/federation"
    assert parse_qs(parts.query) == {
        "Action": ["login"], "Issuer": [ISSUER], "Destination": [CONSOLE], "SigninToken": ["a token+/="],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((400, "<html>no</html>"), ConsoleNotOpened),
        ((403, ""), ConsoleNotOpened),
        ((500, ""), AwsUnavailable),
        ((302, ""), AwsUnavailable),
        ((200, "<html>"), AwsUnavailable),
        ((200, "[]"), AwsUnavailable),
        ((200, '{"SigninToken": ""}'), AwsUnavailable),
        ((200, '{"SigninToken": 7}'), AwsUnavailable),
        ((200, " " * 70_000 + GIVEN[1]), AwsUnavailable),
        (hang_up, AwsUnavailable),
    ],
)
def test_whatever_is_no_token_opens_nothing(answer: Answer | Behaviour, kind: type[Exception]) -> None:
    """A refusal is a refusal, anything strange is unavailable, and no cause quotes a secret."""
    with MoodySts(answer) as server, pytest.raises(kind) as caught:
        opened(server)
    assert "canary" not in str(caught.value)
