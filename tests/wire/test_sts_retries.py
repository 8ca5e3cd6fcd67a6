"""How often and how long STS is asked, against a server that misbehaves as it is told."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs

import pytest

from idp.domain.aws.arn import ProviderArn, RoleArn
from sts_bridge.aws.clients import FIRST_PAUSE, GIVEN_UP_AFTER, clients, forget_clients
from sts_bridge.aws.sts import ask_sts, assume_role_with_saml
from sts_bridge.conf import BridgeConfig
from sts_bridge.domain.credentials import TemporaryCredentials
from sts_bridge.domain.errors import AwsUnavailable, RoleDoesNotTrustUs
from sts_bridge.domain.session_policy import WHOLE_ROLE

ROLE = RoleArn.parse("arn:aws:iam::111122223333:role/ops/ReadOnly")
PROVIDER = ProviderArn("aws", "111122223333", "drawbridge")
STATEMENT = "c3RhdGVtZW50LWNhbmFyeQ==" * 10
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"

Answer = tuple[int, str]
Behaviour = Callable[[], Answer | None]


def given(arn: str = "arn:aws:sts::111122223333:assumed-role/ReadOnly/jane") -> Answer:
    """Credentials as STS writes them."""
    return 200, (
        f'<AssumeRoleWithSAMLResponse xmlns="{NAMESPACE}"><AssumeRoleWithSAMLResult><Credentials>'
        "<AccessKeyId>ASIAMADEUPMADEUPMADE</AccessKeyId><SecretAccessKey>made+up/secret</SecretAccessKey>"
        "<SessionToken>made+up/token==</SessionToken><Expiration>2030-01-02T03:04:05Z</Expiration></Credentials>"
        f"<AssumedRoleUser><AssumedRoleId>AROA:jane</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>"
        "</AssumeRoleWithSAMLResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
        "</AssumeRoleWithSAMLResponse>"
    )


def error(status: int, code: str, message: str = "said so") -> Answer:
    """An error as STS writes it."""
    return status, (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )


def hang_up() -> None:
    """No answer: the connection is closed."""


class MoodySts:
    """An HTTP server that answers each request as the list says, the last entry for all that follow."""

    def __init__(self, *moods: Answer | Behaviour) -> None:
        self.moods = list(moods)
        self.requests: list[tuple[float, dict[str, list[str]], dict[str, str]]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            """Knows the server that it belongs to."""

            def do_POST(self) -> None:
                """Answer as the mood says."""
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                mood = server.moods[min(len(server.requests), len(server.moods) - 1)]
                server.requests.append((time.monotonic(), parse_qs(form), headers))
                answer = mood() if callable(mood) else mood
                if answer is not None:
                    body = answer[1].encode()
                    self.send_response(answer[0])
                    self.send_header("Content-Type", "text/xml")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture(autouse=True)
def fresh_clients() -> Iterator[None]:
    forget_clients()
    yield
    forget_clients()


def config_for(endpoint: str, *, connect: float = 1, read: float = 1) -> BridgeConfig:
    return BridgeConfig(
        sts_endpoint=endpoint,
        sts_regions=("us-east-1",),
        connect_seconds=connect,
        read_seconds=read,
        entity_id="https://idp.example.test/saml/metadata",
        base_url="https://idp.example.test",
        stand_in=None,
        demo=True,
    )


def redeem(endpoint: str, *, read: float = 1, region: str = "us-east-1") -> TemporaryCredentials:
    return assume_role_with_saml(
        role=ROLE,
        provider=PROVIDER,
        statement=STATEMENT,
        duration=timedelta(hours=1),
        policy=WHOLE_ROLE,
        region=region,
        config=config_for(endpoint, read=read),
    )


@pytest.mark.spec("STS API Reference", "AssumeRoleWithSAML", "the request needs no signature")
def test_a_statement_is_sent_once_and_unsigned() -> None:
    """STS gets the four parameters and no signature, whatever credentials this machine has."""
    with MoodySts(given()) as server:
        credentials = redeem(server.url)
    ((_, form, headers),) = server.requests
    assert form == {
        "Action": ["AssumeRoleWithSAML"],
        "Version": ["2011-06-15"],
        "RoleArn": [str(ROLE)],
        "PrincipalArn": [str(PROVIDER)],
        "SAMLAssertion": [STATEMENT],
        "DurationSeconds": ["3600"],
    }
    assert "authorization" not in headers
    assert "x-amz-security-token" not in headers
    assert credentials.access_key_id == "ASIAMADEUPMADEUPMADE"
    assert credentials.session_token.reveal() == "made+up/token=="
    assert credentials.expires_at == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "mood",
    [
        error(400, "Throttling"),
        error(500, "InternalFailure"),
        error(503, "ServiceUnavailable"),
        (502, "<html>"),
        hang_up,
    ],
    ids=["throttled", "500", "503", "502 of a proxy", "hung up"],
)
def test_what_may_pass_is_tried_again_and_given_up_after_three(mood: Answer | Behaviour) -> None:
    """Two failures are survived; a third makes it unavailable, and there is never a fourth request."""
    with MoodySts(mood, mood, given()) as server:
        assert redeem(server.url).access_key_id
        assert len(server.requests) == 3
    forget_clients()
    with MoodySts(mood) as server:
        with pytest.raises(AwsUnavailable) as caught:
            redeem(server.url)
        assert len(server.requests) == 3
    assert STATEMENT not in caught.value.cause
    assert caught.value.__suppress_context__


def test_a_refusal_is_not_tried_again() -> None:
    """What STS refuses stays refused: one request."""
    with MoodySts(error(403, "AccessDenied"), given()) as server:
        with pytest.raises(RoleDoesNotTrustUs) as caught:
            redeem(server.url)
        assert len(server.requests) == 1
        assert caught.value.cause == "AWS 403 AccessDenied: said so"
        assert redeem(server.url).access_key_id


def test_an_unknown_code_is_unavailable_and_not_pressed() -> None:
    """A code that we do not know is no refusal of the person's; it is asked once."""
    with MoodySts(error(400, "SomethingNew")) as server:
        with pytest.raises(AwsUnavailable):
            redeem(server.url)
        assert len(server.requests) == 1


@pytest.mark.fault(14)
def test_a_silent_sts_costs_at_most_eight_seconds() -> None:
    """With nobody answering, every try has its time limit and no try begins that could end too late."""
    answers = threading.Event()
    with MoodySts(lambda: (answers.wait(20), None)[1]) as server:
        began_at = time.monotonic()
        with pytest.raises(AwsUnavailable):
            redeem(server.url, read=3)
        took = time.monotonic() - began_at
        answers.set()
    assert took < GIVEN_UP_AFTER.total_seconds()
    assert len(server.requests) == 2


@pytest.mark.fault(14)
def test_a_silent_sts_that_comes_back_is_heard() -> None:
    """One time-out is survived where there is time for another try."""
    answers = threading.Event()
    with MoodySts(lambda: (answers.wait(20), None)[1], given()) as server:
        assert redeem(server.url, read=1).access_key_id
        answers.set()


def test_a_closed_port_is_unavailable_at_once() -> None:
    """Nobody listens: three tries, all fast."""
    with MoodySts(given()) as server:
        url = server.url
    began_at = time.monotonic()
    with pytest.raises(AwsUnavailable) as caught:
        redeem(url)
    assert time.monotonic() - began_at < 3
    assert "EndpointConnectionError" in caught.value.cause


def test_pauses_are_full_jitter() -> None:
    """Pauses differ from time to time, begin near nothing, and stay under the cap."""
    pauses = []
    for _ in range(12):
        forget_clients()
        with MoodySts(error(400, "Throttling"), given()) as server:
            redeem(server.url)
        pauses.append(server.requests[1][0] - server.requests[0][0])
    assert max(pauses) < FIRST_PAUSE * 2 + 0.3
    assert max(pauses) - min(pauses) > 0.05


@pytest.mark.parametrize(
    "answer",
    [
        given("arn:aws:sts::999900001111:assumed-role/ReadOnly/jane"),
        given("arn:aws:sts::111122223333:assumed-role/ReadOnlyToo/jane"),
        (200, "<html>not sts</html>"),
        (200, ""),
        (200, given()[1].replace("<SessionToken>made+up/token==</SessionToken>", "")),
        (200, given()[1].replace("made+up/token==", "made up")),
    ],
    ids=["another account", "another role", "html", "empty", "no token", "token with a blank"],
)
def test_an_answer_that_is_not_this_role_s_credentials_is_none(answer: Answer) -> None:
    """Whatever is not complete credentials of the role asked for is not handed on; the exact answer is."""
    with MoodySts(answer) as server, pytest.raises(AwsUnavailable):
        redeem(server.url)
    forget_clients()
    with MoodySts(given()) as server:
        assert redeem(server.url).assumed_role.endswith("assumed-role/ReadOnly/jane")


def test_a_client_is_made_once_per_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second request of a region reuses the client; another region gets its own; a forked child none."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    with MoodySts(given()) as server:
        redeem(server.url)
        redeem(server.url)
        assert len(clients) == 1
        redeem(server.url, region="eu-central-1")
        assert len(clients) == 2
        assert len(server.requests) == 3


@pytest.mark.fault(17)
def test_a_stranger_who_answers_a_probe_is_unavailable_and_no_fault_of_ours() -> None:
    """A page that is well-formed and no answer of STS, as a proxy may send it: the next region is still probed."""
    with MoodySts((200, "<html><body>Sign in to the network</body></html>")) as server:
        with pytest.raises(AwsUnavailable):
            ask_sts(region="us-east-1", config=config_for(server.url))
        assert len(server.requests) == 1


def test_asking_sts_tells_its_clock_and_a_stranger_is_not_sts() -> None:
    """An STS that refuses the unsigned question has answered; nobody there has not."""
    with MoodySts(error(403, "MissingAuthenticationToken")) as server:
        seen = ask_sts(region="us-east-1", config=config_for(server.url))
        assert abs(seen - datetime.now(UTC)) < timedelta(seconds=5)
        url = server.url
    with pytest.raises(AwsUnavailable):
        ask_sts(region="us-east-1", config=config_for(url))


def test_refusals_are_of_the_house(monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception of the library gets out, even if this machine's AWS profile is broken."""
    monkeypatch.setenv("AWS_PROFILE", "nobody-made-this")
    with MoodySts(given()) as server, pytest.raises(AwsUnavailable):
        redeem(server.url)
    monkeypatch.delenv("AWS_PROFILE")
    with MoodySts(given()) as server:
        assert redeem(server.url).access_key_id
