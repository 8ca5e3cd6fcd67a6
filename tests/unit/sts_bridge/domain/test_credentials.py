"""A secret must be asked to show itself."""

import copy
import json
import logging
import pickle
import traceback
from dataclasses import asdict, replace

import pytest
from django.core.serializers.json import DjangoJSONEncoder

from idp.project.logs import JsonLines
from sts_bridge.domain.credentials import Secret, SecretsStayHereError
from sts_bridge.domain.errors import AwsUnavailable
from tests.unit.sts_bridge.domain.made_up import SECRET, TOKEN, made_up_credentials


def break_with(*carried: object) -> None:
    raise ValueError(*carried)


@pytest.mark.attack("CR-04")
def test_no_way_of_printing_shows_a_secret() -> None:
    """Printed in any way credentials show dots; asked, they show the secret."""
    credentials = made_up_credentials()
    printed = [
        repr(credentials),
        str(credentials),
        f"{credentials}",
        f"{credentials.session_token:>20}",
        "%s %r" % (credentials.secret_access_key, credentials.session_token),  # noqa: UP031 - the old way counts too
        str(asdict(credentials)),
        str([credentials.secret_access_key]),
        json.dumps({"x": credentials}, default=str),
    ]
    for text in printed:
        assert SECRET not in text
        assert TOKEN not in text
        assert "canary" not in text
    assert credentials.secret_access_key.reveal() == SECRET
    assert credentials.session_token.reveal() == TOKEN


@pytest.mark.attack("CR-04")
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_credentials_cannot_be_pickled(protocol: int) -> None:
    """Queues, caches and sessions that pickle get an error; what is public pickles."""
    credentials = made_up_credentials()
    with pytest.raises(SecretsStayHereError):
        pickle.dumps(credentials, protocol)
    with pytest.raises(SecretsStayHereError):
        pickle.dumps(credentials.session_token, protocol)
    assert pickle.loads(pickle.dumps(credentials.access_key_id, protocol)) == credentials.access_key_id  # noqa: S301 - our own


@pytest.mark.attack("CR-04")
@pytest.mark.parametrize("encoder", [json.JSONEncoder, DjangoJSONEncoder])
def test_credentials_are_no_json_by_accident(encoder: type[json.JSONEncoder]) -> None:
    """Neither JSON encoder writes a secret; both write the public part."""
    credentials = made_up_credentials()
    with pytest.raises(TypeError):
        json.dumps({"token": credentials.session_token}, cls=encoder)
    assert json.dumps({"key": credentials.access_key_id}, cls=encoder)


@pytest.mark.attack("CR-04")
def test_a_traceback_and_a_log_line_show_no_secret() -> None:
    """An exception that carries credentials shows dots in its traceback, locals too, and in our log lines."""
    credentials = made_up_credentials()
    try:
        break_with(credentials, credentials.session_token)
    except ValueError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        record = logging.LogRecord(
            "drawbridge", logging.ERROR, __file__, 1, "broken", None, (ValueError, error, error.__traceback__)
        )
    record.facts = {"credentials": credentials, "secret": credentials.secret_access_key}
    for text in (shown, JsonLines().format(record)):
        assert "canary" not in text
        assert "••••" in text or "\\u2022" in text


def test_copies_are_the_same_secret_and_equality_tells_nothing() -> None:
    """Two secrets of the same text are not equal, so that nothing compares them in variable time."""
    secret = Secret(SECRET)
    assert copy.copy(secret) is secret
    assert copy.deepcopy(secret) is secret
    assert secret != Secret(SECRET)
    assert len({secret, Secret(SECRET)}) == 2
    with pytest.raises(AttributeError):
        object.__setattr__(secret, "text", "more")


@pytest.mark.parametrize(
    "breaking", ["a\nb", "a b", "a'b", 'a"b', "a]b", "a\\b", "a<b", "a`b", "ä", "", "a\0b"]
)
def test_what_could_break_out_is_no_credential(breaking: str) -> None:
    """An answer with blanks, quotes, line ends or brackets is refused; AWS's alphabet is taken."""
    credentials = made_up_credentials()
    for change in (
        {"access_key_id": breaking},
        {"secret_access_key": Secret(breaking)},
        {"session_token": Secret(breaking)},
    ):
        with pytest.raises(AwsUnavailable):
            replace(credentials, **change)
    assert made_up_credentials(secret="azAZ09+/=", token="FwoGZXIvYXdzE//+==").secret_access_key
