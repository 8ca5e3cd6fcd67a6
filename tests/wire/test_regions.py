"""Regions of STS: the next one where the first fails, stalls or throttles, within the time that a person waits."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any, Self

import boto3
import pytest
from botocore import UNSIGNED
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from django.core.management import CommandError, call_command
from pytest_django import Settings

from idp.domain.aws.signin import (
    DOCUMENTED,
    PARTITIONS,
    federation_endpoint,
    override_partitions,
    sign_in_endpoint,
)
from idp.models import AuditRecord, RegionHealth
from idp.services.regions import (
    Endpoint,
    forget_regions,
    known_regions,
    note_probe,
    region_warnings,
    switch_region,
    usable_regions,
)
from sts_bridge.aws.clients import broker_client, forget_clients, unsigned_client
from sts_bridge.aws.sts import assume_role_with_saml
from sts_bridge.conf import BridgeConfig, bridge_config
from sts_bridge.domain.credentials import TemporaryCredentials
from sts_bridge.domain.errors import AwsUnavailable, RoleDoesNotTrustUs
from sts_bridge.domain.session_policy import WHOLE_ROLE
from sts_bridge.services.regions import (
    forget_failures,
    in_some_region,
    probe_regions,
    probe_where_there_is_a_choice,
)
from tests.wire.test_sts_retries import (
    PROVIDER,
    ROLE,
    STATEMENT,
    Answer,
    Behaviour,
    MoodySts,
    error,
    given,
    hang_up,
)

pytestmark = pytest.mark.django_db

NEAR, FAR = "eu-central-1", "eu-west-1"


def stall() -> None:
    time.sleep(6)


@pytest.fixture(autouse=True)
def fresh(settings: Settings) -> Iterator[None]:
    settings.DRAWBRIDGE_STS_REGION = (NEAR, FAR)
    settings.DRAWBRIDGE_DEMO = True
    forget()
    yield
    forget()


def forget() -> None:
    bridge_config.cache_clear()
    forget_clients()
    forget_failures()
    forget_regions()


def ask(region: str, config: BridgeConfig) -> TemporaryCredentials:
    return assume_role_with_saml(
        role=ROLE,
        provider=PROVIDER,
        statement=STATEMENT,
        duration=timedelta(hours=1),
        policy=WHOLE_ROLE,
        region=region,
        config=config,
    )


def pointed_at(settings: Settings, near: MoodySts, far: MoodySts) -> None:
    settings.DRAWBRIDGE_STS_ENDPOINTS = {NEAR: near.url, FAR: far.url}
    forget()


@pytest.mark.fault(16)
@pytest.mark.fault(17)
@pytest.mark.parametrize(
    "mood",
    [
        hang_up,
        stall,
        error(503, "ServiceUnavailable"),
        error(400, "Throttling"),
        error(403, "RegionDisabledException"),
    ],
)
def test_the_next_region_answers_where_the_first_does_not(
    settings: Settings, mood: Answer | Behaviour
) -> None:
    """Failing, silent, throttling or switched off: one try there, then the next; soon after the next goes first."""
    with MoodySts(mood) as near, MoodySts(given()) as far:
        pointed_at(settings, near, far)
        began = time.monotonic()
        assert in_some_region("aws", ask).access_key_id == "ASIAMADEUPMADEUPMADE"
        assert time.monotonic() - began < 8
        assert (len(near.requests), len(far.requests)) == (1, 1)
        in_some_region("aws", ask)
        switched_off = mood == error(403, "RegionDisabledException")
        assert (len(near.requests), len(far.requests)) == (2 if switched_off else 1, 2)


def test_a_refusal_of_aws_is_the_same_everywhere(settings: Settings) -> None:
    """No other region is asked whether a role could perhaps be had there."""
    with MoodySts(error(403, "AccessDenied")) as near, MoodySts(given()) as far:
        pointed_at(settings, near, far)
        with pytest.raises(RoleDoesNotTrustUs):
            in_some_region("aws", ask)
        assert (len(near.requests), len(far.requests)) == (1, 0)


@pytest.mark.fault(17)
def test_with_every_region_gone_nobody_waits_longer_than_promised(settings: Settings) -> None:
    """Both stall: within eight seconds the person is told; both are asked."""
    with MoodySts(stall) as near, MoodySts(stall) as far:
        pointed_at(settings, near, far)
        began = time.monotonic()
        with pytest.raises(AwsUnavailable):
            in_some_region("aws", ask)
        assert time.monotonic() - began < 9
        assert (len(near.requests), len(far.requests)) == (1, 1)


def test_an_operator_s_switch_is_obeyed_and_on_record(settings: Settings) -> None:
    """Off means not asked, whatever probes say; on again it is the first. Everything off is told as that."""
    with MoodySts(given()) as near, MoodySts(given()) as far:
        pointed_at(settings, near, far)
        out = StringIO()
        call_command("regions", "off", NEAR, stdout=out)
        in_some_region("aws", ask)
        assert (len(near.requests), len(far.requests)) == (0, 1)
        switch_region(FAR, off=True, by="operator", now=datetime.now(UTC))
        with pytest.raises(AwsUnavailable, match="every region of aws is switched off"):
            in_some_region("aws", ask)
        call_command("regions", "on", NEAR, stdout=out)
        in_some_region("aws", ask)
        assert len(near.requests) == 1
    assert out.getvalue() == f"{NEAR} is not used any more.\n{NEAR} is used again.\n"
    with pytest.raises(CommandError, match="not among"):
        call_command("regions", "off", "us-east-1")
    reasons = AuditRecord.objects.filter(event="operator:region:switched").order_by("pk")
    assert [row.reason for row in reasons] == ["operator:off", "operator:off", "operator:on"]


def test_a_region_that_is_configured_no_more_comes_into_use_again() -> None:
    """It is switched on by the command that has switched it off, though nobody is warned of it any more."""
    switch_region("eu-north-9", off=True, by="operator", now=datetime.now(UTC))
    assert region_warnings() == []
    assert known_regions()["eu-north-9"][Endpoint.STS].switched_off_by == "operator"
    call_command("regions", "on", "eu-north-9", stdout=StringIO())
    assert not known_regions()["eu-north-9"][Endpoint.STS].switched_off_by
    with pytest.raises(CommandError, match="not among"):
        call_command("regions", "off", "eu-north-9")


def test_probes_move_the_order_and_change_is_audited_once(settings: Settings) -> None:
    """A region that does not answer goes to the end, and comes back by itself; steady states write no audit."""
    with MoodySts(error(403, "MissingAuthenticationToken")) as far:
        settings.DRAWBRIDGE_STS_ENDPOINTS = {NEAR: "http://127.0.0.1:1", FAR: far.url}
        forget()
        for _ in range(2):
            found = probe_regions(partitions=("aws",), now=datetime.now(UTC))
            assert (bool(found[NEAR]), found[FAR]) == (True, "")
            assert usable_regions((NEAR, FAR), partition="aws") == (FAR, NEAR)
    note_probe(NEAR, problem="", now=datetime.now(UTC))
    assert usable_regions((NEAR, FAR), partition="aws") == (NEAR, FAR)
    reasons = AuditRecord.objects.filter(event="operator:region:switched").order_by("pk")
    assert [row.reason for row in reasons] == ["probe:failed", "probe:well-again"]
    assert RegionHealth.objects.count() == 2
    assert known_regions()[NEAR][Endpoint.STS].is_well


class SignIns:
    """The sign-in of every region, under one address each: whom it answers, and with what."""

    def __init__(self, answers: dict[str, int]) -> None:
        """A region without a status never answers."""
        self.answers = answers
        self.asked: list[str] = []
        self.over = threading.Event()
        there = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                there.asked.append(self.path)
                status = there.answers.get(self.path.split("/")[1])
                if status is None:
                    there.over.wait(30)
                    return
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self.thread.start()
        template = f"http://127.0.0.1:{self.http.server_address[1]}/{{region}}/saml"
        override_partitions({"aws": replace(DOCUMENTED["aws"], regional_acs=template)})
        return self

    def __exit__(self, *_: object) -> None:
        override_partitions({})
        self.over.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.mark.fault(17)
def test_sign_ins_have_a_probe_of_their_own(settings: Settings) -> None:
    """Silent or failing: at the end of the order for signing in, not for STS; told by the command; back by itself."""
    settings.DRAWBRIDGE_SIGNIN_REGIONS = (NEAR, FAR, "eu-north-1")
    settings.DRAWBRIDGE_STS_REGION = (NEAR,)
    settings.DRAWBRIDGE_STS_CONNECT_SECONDS = settings.DRAWBRIDGE_STS_READ_SECONDS = 1
    with (
        MoodySts(error(403, "MissingAuthenticationToken")) as sts,
        SignIns({FAR: 503, "eu-north-1": 302}) as there,
    ):
        settings.DRAWBRIDGE_STS_ENDPOINTS = {NEAR: sts.url}
        forget()
        began = time.monotonic()
        ill = probe_where_there_is_a_choice(now=datetime.now(UTC))
        assert time.monotonic() - began < 8
        assert ill == [f"{NEAR} (sign-in)", f"{FAR} (sign-in)"]
        assert there.asked == [f"/{region}/saml" for region in (NEAR, FAR, "eu-north-1")]
        assert sts.requests == [], "one region of STS is no choice"
        order = (NEAR, FAR, "eu-north-1")
        assert usable_regions(order, partition="aws", sign_in=True) == ("eu-north-1", NEAR, FAR)
        assert usable_regions(order, partition="aws") == order
        out = StringIO()
        call_command("regions", "show", stdout=out)
        assert f"{NEAR}  sts  answers" in out.getvalue()
        assert f"{NEAR}  sign-in  ReadTimeoutError" in out.getvalue()
        assert f"{FAR}  sign-in  the sign-in address answered 503" in out.getvalue()
        assert "eu-north-1  sign-in  answers" in out.getvalue()
        call_command("regions", "off", "eu-north-1", stdout=out)
        assert usable_regions(order, partition="aws", sign_in=True) == (NEAR, FAR)
        call_command("regions", "on", "eu-north-1", stdout=out)
        call_command("regions", "off", "eu-north-1", "--only", "sign-in", stdout=out)
        assert usable_regions(order, partition="aws", sign_in=True) == (NEAR, FAR)
        assert usable_regions(order, partition="aws") == order
        call_command("regions", "show", stdout=out)
        assert "eu-north-1  sign-in  answers  switched off by " in out.getvalue()
        call_command("regions", "on", "eu-north-1", "--only", "sign-in", stdout=out)
        assert "sign-in of eu-north-1 is used again." in out.getvalue()
        there.answers |= {NEAR: 405, FAR: 200}
        assert probe_where_there_is_a_choice(now=datetime.now(UTC)) == []
        assert usable_regions(order, partition="aws", sign_in=True) == order
    events = AuditRecord.objects.filter(
        event="operator:region:switched", details__of="sign-in", person=""
    ).order_by("pk")
    assert [(row.reason, row.details["region"]) for row in events] == [
        ("probe:failed", NEAR), ("probe:failed", FAR), ("probe:well-again", NEAR), ("probe:well-again", FAR),
    ]  # fmt: skip


def url_of(client: object, operation: str, **parameters: object) -> AWSRequest:
    """The request that botocore would send, caught before it leaves."""
    caught: list[AWSRequest] = []

    def keep(request: AWSRequest, **_: object) -> None:
        caught.append(request)
        raise InterruptedError

    client.meta.events.register("before-send", keep)  # type: ignore[attr-defined] # botocore publishes no types
    with pytest.raises(InterruptedError):
        getattr(client, operation)(**parameters)
    return caught[0]


@pytest.mark.parametrize(
    ("partition", "region", "sts", "iam", "sign_in"),
    [
        (
            "aws", "eu-central-1", "sts.eu-central-1.amazonaws.com", "iam.amazonaws.com",
            "eu-central-1.signin.aws.amazon.com",
        ),
        ("aws", "us-east-1", "sts.us-east-1.amazonaws.com", "iam.amazonaws.com", "signin.aws.amazon.com"),
        (
            "aws-us-gov", "us-gov-east-1", "sts.us-gov-east-1.amazonaws.com", "iam.us-gov.amazonaws.com",
            "us-gov-east-1.signin.amazonaws-us-gov.com",
        ),
        (
            "aws-cn", "cn-northwest-1", "sts.cn-northwest-1.amazonaws.com.cn", "iam.cn-north-1.amazonaws.com.cn",
            "cn-northwest-1.signin.amazonaws.cn",
        ),
        (
            "aws-eusc", "eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu", "iam.eusc-de-east-1.amazonaws.eu",
            "signin.amazonaws-eusc.eu",
        ),
    ],
)  # fmt: skip
def test_which_host_would_be_called_in_each_partition(
    settings: Settings, partition: str, region: str, sts: str, iam: str, sign_in: str
) -> None:
    """AWS's own default endpoints; a statement is redeemed unsigned, the broker's calls are signed for the region."""
    settings.DRAWBRIDGE_BROKER_ACCESS_KEY_ID = "AKIAMADEUPMADEUPMADE"
    settings.DRAWBRIDGE_BROKER_SECRET_ACCESS_KEY = "made/up"
    forget()
    config = bridge_config()
    saml = url_of(
        unsigned_client("sts", region=region, config=config),
        "assume_role_with_saml",
        RoleArn=str(ROLE),
        PrincipalArn=str(PROVIDER),
        SAMLAssertion=STATEMENT,
    )
    forget_clients()
    token = url_of(
        unsigned_client("sts", region=region, config=config),
        "assume_role_with_web_identity",
        RoleArn=str(ROLE),
        RoleSessionName="jane",
        WebIdentityToken=STATEMENT,
    )
    for unsigned in (saml, token):
        assert unsigned.url == f"https://{sts}/"
        assert "Authorization" not in unsigned.headers
    role = url_of(
        broker_client("sts", region=region, config=config),
        "assume_role",
        RoleArn=str(ROLE),
        RoleSessionName="jane",
    )
    forget_clients()
    federated = url_of(
        broker_client("sts", region=region, config=config), "get_federation_token", Name="jane"
    )
    for signed in (role, federated):
        assert signed.url == f"https://{sts}/"
        assert f"/{region}/sts/aws4_request" in str(signed.headers["Authorization"])
    home = PARTITIONS[partition].home_region
    asked = url_of(broker_client("iam", region=home, config=config), "list_roles")
    assert asked.url == f"https://{iam}/"
    endpoint = sign_in_endpoint(partition=partition, region=region, stand_in=None, audiences={})
    assert endpoint.acs == f"https://{sign_in}/saml"
    assert (
        federation_endpoint(partition, region=region, stand_in=None).address
        == f"https://{sign_in}/federation"
    )


def test_a_client_of_nobody_s_own_agrees_about_the_host() -> None:
    """Botocore without any of our settings calls the same address."""
    plain = boto3.session.Session().client(
        "sts", region_name="eu-west-1", config=Config(signature_version=UNSIGNED)
    )
    assert plain.meta.endpoint_url == "https://sts.eu-west-1.amazonaws.com"
