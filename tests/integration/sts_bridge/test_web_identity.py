"""A token of an issuer for credentials: real issuer, directory, rules and local AWS; each attack beside its twin."""

import hashlib
import hmac
import json
import re
import ssl
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.http import HttpResponse
from django.test import Client

from idp.domain.errors import Throttled
from idp.domain.token_issuer import Matched, TokenIssuer
from idp.models import AccessSession, AuditRecord, RefusalCount, User
from idp.oidc.errors import IssuerUnavailable
from idp.oidc.fetching import TOTAL_SECONDS
from idp.oidc.keys import issuer_keys, published_keys
from idp.services.strict_yaml import MalformedFile
from idp.services.token_issuers import read_issuers, token_issuers
from sts_bridge.domain.account_setup import as_cli, as_cloudformation, as_data, as_text
from sts_bridge.services.connect_account import account_setup
from tests.integration.sts_bridge.test_credentials_page import HOST, Visitor
from tests.integration.sts_bridge.token_world import AGREED, PATH, Stand
from tests.integration.sts_bridge.world import ACCOUNT, person
from tests.servers.issuer import CLIENT, Issuer, part
from tests.servers.slapd import settings_changed
from tests.tls import loopback_certificate

pytestmark = [pytest.mark.django_db, pytest.mark.attack("OI")]


def test_a_token_becomes_credentials_that_are_on_record(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    """Who one is in AWS, how it is answered and what is written; the token itself stands nowhere."""
    caplog.set_level("DEBUG")
    token = stand.token()
    answer = stand.ask(token, duration=1_800)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    given = json.loads(answer.content)
    assert (given["Version"], given["AccountId"]) == (1, ACCOUNT)
    session = boto3.session.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "us-east-1"
    )
    who = session.client("sts", endpoint_url=stand.aws.url).get_caller_identity()["Arn"]
    assert who == f"arn:aws:sts::{ACCOUNT}:assumed-role/Jobs/jane@example.test"
    row = AccessSession.objects.get()
    assert (row.road, row.state, row.access_key_id) == ("web-identity", "active", given["AccessKeyId"])
    assert row.user.username == "jane"
    assert abs(row.ends_at - row.started_at - timedelta(minutes=30)) < timedelta(seconds=10)
    offered, issued = AuditRecord.objects.filter(event__startswith="person:").order_by("pk")
    assert (offered.event, issued.event) == ("person:access:offered", "person:credentials:issued")
    written = (
        caplog.text + str(list(AuditRecord.objects.values())) + str(list(AccessSession.objects.values()))
    )
    assert not any(secret in written for secret in (token, token[-60:], given["SecretAccessKey"]))


@pytest.mark.attack("MP-06")
def test_a_renewal_is_refused_the_moment_the_person_is_not_entitled(stand: Stand) -> None:
    """Given twice; without the group a good token gives nothing, for somebody without it never did."""
    assert stand.ask(stand.token()).status_code == 200
    assert stand.ask(stand.token()).status_code == 200
    stand.refused(stand.token(preferred_username="nils"), 403, "role-not-granted")
    stand.refused(stand.token(), 403, "role-not-granted", role="Unheard")
    stand.company.modify(
        f"dn: cn=TOK-Jobs,ou=groups,{stand.company.base}\nchangetype: modify\nreplace: member\n"
        f"member: uid=nils,ou=people,{stand.company.base}\n"
    )
    stand.refused(stand.token(), 403, "role-not-granted")
    assert stand.ask(stand.token(preferred_username="nils")).status_code == 200


def test_a_person_who_may_not_sign_in_gets_nothing(stand: Stand) -> None:
    """Locked in the directory or switched off here; afterwards as before."""
    assert stand.ask(stand.token()).status_code == 200
    User.objects.filter(username="jane").update(is_active=False)
    assert stand.refused(stand.token()) == "person.deactivated"
    User.objects.filter(username="jane").update(is_active=True)
    dn = f"uid=jane,ou=people,{stand.company.base}"
    lock = f"dn: {dn}\nchangetype: modify\nreplace: pwdAccountLockedTime\n"
    stand.company.modify(f"{lock}pwdAccountLockedTime: 000001010000Z\n")
    try:
        assert stand.refused(stand.token()).startswith("person.")
    finally:
        stand.company.modify(lock)
    assert stand.ask(stand.token()).status_code == 200


def test_a_role_of_another_road_is_not_opened_by_a_token_nor_this_one_by_a_click(stand: Stand) -> None:
    """Each by its own road only; the page says how the role is taken and shows no button for it."""
    stand.refused(stand.token(), 403, "another-road", role="Posted")
    visitor = Visitor(person("jane", datetime.now(UTC)))
    for page in ("console", "credentials", "broker"):
        form = {"csrfmiddlewaretoken": visitor.csrf}
        answer = visitor.client.post(f"/roles/{ACCOUNT}/Jobs/{page}", form, secure=True)
        assert (answer.status_code, "another-road" in answer.content.decode()) == (403, True)
    roles = visitor.client.get("/", secure=True).content.decode()
    assert "by web identity token" in roles
    assert f"/roles/{ACCOUNT}/Jobs/credentials" not in roles
    assert f"/roles/{ACCOUNT}/Posted/credentials" in roles
    one = visitor.client.get(f"/go/{ACCOUNT}/Jobs", secure=True).content.decode()
    assert PATH in one
    assert stand.ask(stand.token()).status_code == 200
    assert "/renew" not in visitor.client.get("/sessions/", secure=True).content.decode()
    assert visitor.take("Posted").status_code == 200
    assert "/renew" in visitor.client.get("/sessions/", secure=True).content.decode()


NOT_FOR_US: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://another.example"}, "token.iss"),
    ({"aud": "somebody-else"}, "token.aud"),
    ({"aud": None}, "token.aud"),
    ({"aud": []}, "token.aud"),
    ({"aud": [CLIENT, CLIENT], "azp": CLIENT}, "token.aud"),
    ({"aud": [CLIENT, "somebody-else"], "azp": CLIENT}, "token.aud"),
    ({"aud": [CLIENT, "another-client"]}, "token.azp"),
    ({"azp": "somebody-else"}, "token.azp"),
    ({"azp": "another-client"}, "token.azp"),
    ({"sub": None}, "token.sub"),
    ({"sub": ["ada"]}, "token.sub"),
    ({"preferred_username": None}, "token.claim"),
    ({"preferred_username": ["jane"]}, "token.claim"),
    ({"preferred_username": "nobody"}, "person.unknown"),
    ({"preferred_username": "jane@example.test"}, "person.unknown"),
    ({"preferred_username": "jan*"}, "person.unknown"),
    ({"exp": None}, "token.exp"),
    ({"exp": "tomorrow"}, "token.exp"),
    ({"exp": True}, "token.exp"),
    ({"iat": None}, "token.iat"),
    ({"jti": 7}, "token.jti"),
    ({"exp": int(time.time()) + 90_000}, "token.lives-too-long"),
    ({"https://aws.amazon.com/tags": {"principal_tags": {"team": ["root"]}}}, "token.aws-session"),
    ({"https://aws.amazon.com/tags/principal_tags/team": "root"}, "token.aws-session"),
    ({"https://aws.amazon.com/source_identity": "somebody"}, "token.aws-session"),
]


def test_claims_that_are_not_for_us_are_refused(stand: Stand) -> None:
    """Each is one change away from a token that is taken."""
    for claims, cause in NOT_FOR_US:
        assert (claims, stand.refused(stand.token(**claims))) == (claims, cause)
    assert stand.ask(stand.token()).status_code == 200
    assert stand.ask(stand.token(azp=CLIENT, aud=[CLIENT, "another-client"])).status_code == 200


def test_a_minute_of_tolerance_and_no_more(stand: Stand) -> None:
    """Each moment just inside is taken, and just outside refused."""
    now = int(time.time())
    assert stand.refused(stand.token(iat=now - 300, exp=now - 61)) == "token.exp"
    assert stand.refused(stand.token(iat=now + 70, exp=now + 300)) == "token.iat"
    assert stand.refused(stand.token(nbf=now + 70)) == "token.nbf"
    assert stand.refused(stand.token(iat=now - 86_401, exp=now + 300)) == "token.iat"
    assert stand.ask(stand.token(iat=now - 300, exp=now + 60, nbf=now + 30)).status_code == 200


def unsigned(claims: dict[str, Any], header: dict[str, Any]) -> str:
    return f"{part(header)}.{part(claims)}"


def forged(issuer: Issuer, given: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Tokens whose signature, key or form is not what was agreed, each with the cause of its refusal."""
    good = issuer.token(**given)
    head, claims, signature = good.split(".")
    public = issuer.keys["rsa"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    by_secret = unsigned(given, {"alg": "HS256", "kid": "rsa"})
    shared = part(hmac.new(public, by_secret.encode(), hashlib.sha256).digest())
    twice = b'{"iss":"https://another.example",' + json.dumps(given).encode()[1:]
    doubled = f"{head}.{part(twice)}"
    other = json.dumps(given | {"sub": "nils", "preferred_username": "nils"}).encode()
    return {
        "none": (f"{unsigned(given, {'alg': 'none', 'kid': 'rsa'})}.", "token.form"),
        "none-signed": (f"{unsigned(given, {'alg': 'none', 'kid': 'rsa'})}.{signature}", "token.alg"),
        "hmac": (f"{by_secret}.{shared}", "token.alg"),
        "ps256": (issuer.token(**given, algorithm="PS256"), "token.alg.not-taken-by-aws"),
        "eddsa": (
            f"{unsigned(given, {'alg': 'EdDSA', 'kid': 'rsa'})}.{signature}",
            "token.alg.not-taken-by-aws",
        ),
        "not-allowed": (issuer.token(**given, algorithm="RS512"), "token.alg"),
        "other-family": (
            issuer.token(**given, key="ec", algorithm="ES256", header={"kid": "rsa"}),
            "token.key",
        ),
        "unknown-key": (issuer.token(**given, header={"kid": "../../dev/null"}), "token.key"),
        "kid-address": (issuer.token(**given, header={"kid": f"{issuer.url}/jwks"}), "token.key"),
        "sql": (issuer.token(**given, header={"kid": "' OR 1=1"}), "token.kid"),
        "no-key": (f"{unsigned(given, {'alg': 'RS256'})}.{signature}", "token.kid"),
        "jku": (issuer.token(**given, header={"jku": f"{issuer.url}/jwks"}), "token.header"),
        "x5u": (issuer.token(**given, header={"x5u": f"{issuer.url}/jwks"}), "token.header"),
        "jwk": (issuer.token(**given, header={"jwk": issuer.jwk("rsa")}), "token.header"),
        "crit": (issuer.token(**given, header={"crit": ["exp"]}), "token.header"),
        "doubled": (f"{doubled}.{signature}", "token.json"),
        "other-claims": (f"{head}.{part(other)}.{signature}", "token.signature"),
        "flipped": (f"{head}.{claims}.{part(bytes(256))}", "token.signature"),
        "four-parts": (f"{good}.x", "token.form"),
        "blank": (f"{good}\n", "token.form"),
        "too-long": (issuer.token(**given, more="x" * 20_000), "token.form"),
    }


def test_forged_tokens_are_refused(stand: Stand) -> None:
    """None of them reaches the directory or AWS; the tokens they were made from are taken, by both algorithms."""
    for name, (token, cause) in forged(stand.issuer, stand.issuer.claims(preferred_username="jane")).items():
        assert (name, stand.refused(token)) == (name, cause)
    assert stand.ask(stand.token()).status_code == 200
    assert stand.ask(stand.token(key="ec", algorithm="ES256")).status_code == 200


def test_keys_that_are_weak_doubled_or_private_verify_nothing(stand: Stand) -> None:
    """What an issuer publishes wrongly opens nothing; published rightly it does."""
    right = stand.issuer.jwk("rsa")
    for wrong in (
        [right, right],
        [{**right, "use": "enc"}],
        [{**right, "alg": "RS512"}],
        [{**right, "key_ops": ["encrypt"]}],
        [{**right, "n": part(b"\xc5" * 64), "e": "AQAB"}],
        [{"kty": "oct", "k": part(b"secret"), "kid": "rsa"}],
    ):
        stand.issuer.publish(*wrong)
        issuer_keys.forget()
        assert stand.refused(stand.token()).startswith("token.key")
    stand.issuer.publish(right)
    issuer_keys.forget()
    assert stand.ask(stand.token()).status_code == 200


@pytest.mark.fault(26)
def test_unknown_keys_are_looked_for_once_a_minute_and_known_ones_outlast_the_issuer(stand: Stand) -> None:
    """However many names are made up, the issuer is asked once; while it is away its last keys go on for an hour."""
    assert stand.ask(stand.token()).status_code == 200
    asked = len(stand.issuer.asked)
    for number in range(4):
        stand.refused(stand.token(header={"kid": f"made-up-{number}"}))
    assert len(stand.issuer.asked) - asked <= 2
    agreed, _ = token_issuers()
    stand.issuer.answers["/pool/jwks"] = 500, b""
    try:
        later = datetime.now(UTC) + timedelta(minutes=20)
        assert issuer_keys.find(agreed, "rsa", now=later)
        asked = len(stand.issuer.asked)
        assert issuer_keys.find(agreed, "rsa", now=later + timedelta(seconds=59))
        assert len(stand.issuer.asked) == asked
        issuer_keys.forget()
        stand.refused(stand.token(), 503, "issuer-unavailable")
    finally:
        stand.issuer.publish(stand.issuer.jwk("rsa"), stand.issuer.jwk("ec"))
    issuer_keys.forget()
    assert stand.ask(stand.token()).status_code == 200


ELSEWHERE: list[dict[str, str]] = [
    {"issuer": "https://another.example", "jwks_uri": "{url}/jwks"},
    {"issuer": "{url}", "jwks_uri": "http://192.0.2.1/jwks"},
    {"issuer": "{url}", "jwks_uri": "file:///etc/passwd"},
    {"issuer": "{url}", "jwks_uri": "{url}/nothing"},
    {"issuer": "{url}"},
]


def test_a_discovery_document_that_leads_elsewhere_is_not_followed(stand: Stand) -> None:
    """Another issuer's, a plain or foreign address, or none at all; the right one is followed."""
    place = "/pool/.well-known/openid-configuration"
    right = stand.issuer.answers[place]
    try:
        for document in ELSEWHERE:
            told = {name: value.format(url=stand.issuer.url) for name, value in document.items()}
            stand.issuer.answers[place] = 200, json.dumps(told).encode()
            issuer_keys.forget()
            stand.refused(stand.token(), 503, "issuer-unavailable")
    finally:
        stand.issuer.answers[place] = right
    issuer_keys.forget()
    assert stand.ask(stand.token()).status_code == 200


def test_an_issuer_is_asked_over_tls_and_its_certificate_must_be_vouched_for(tmp_path: Path) -> None:
    """By the authority that was agreed; without it, or with another one, there are no keys."""
    key = rsa.generate_private_key(65_537, 2_048)
    pem, other = tmp_path / "issuer.pem", tmp_path / "other.pem"
    certificate = loopback_certificate(key)
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate,
    )
    other.write_bytes(loopback_certificate(rsa.generate_private_key(65_537, 2_048)))
    with Issuer(pem) as issuer:
        agreed = TokenIssuer(
            url=issuer.url, audiences=(CLIENT,), directory="x", claim="sub", matched=Matched.USERNAME,
            seen_from=("127.0.0.0/8",), ca_file=str(pem),
        )  # fmt: skip
        assert {key["kid"] for key in published_keys(agreed)} == {"rsa", "ec"}
        for ca_file in ("", str(other)):
            with pytest.raises(ssl.SSLError):
                published_keys(replace(agreed, ca_file=ca_file))


@pytest.mark.fault(26)
def test_an_issuer_that_is_silent_keeps_nobody_waiting_for_long(stand: Stand) -> None:
    """After the five seconds the answer is that it cannot be done now; the next one comes without asking again."""
    agreed, _ = token_issuers()
    issuer_keys.forget()
    stand.issuer.go_on.clear()
    try:
        began_at = time.monotonic()
        stand.refused(stand.token(), 503, "issuer-unavailable")
        assert time.monotonic() - began_at < 4 * TOTAL_SECONDS
        asked = len(stand.issuer.asked)
        with pytest.raises(IssuerUnavailable):
            issuer_keys.find(agreed, "rsa", now=datetime.now(UTC))
        assert len(stand.issuer.asked) == asked
    finally:
        stand.issuer.go_on.set()
    issuer_keys.forget()
    assert stand.ask(stand.token()).status_code == 200


def test_people_may_be_told_by_mail_or_identifier_and_an_unverified_mail_is_nobody_s(stand: Stand) -> None:
    """Only what was agreed counts, whatever else the directory would find them by."""
    stand.agree(claim="email", **{"is": "mail"})
    mail = "jane@example.test"
    assert stand.refused(stand.token(email=mail)) == "token.mail-not-verified"
    assert stand.refused(stand.token(email=mail, email_verified="true")) == "token.mail-not-verified"
    assert stand.refused(stand.token(email="jane", email_verified=True)) == "person.unknown"
    assert stand.ask(stand.token(email=mail, email_verified=True)).status_code == 200
    stand.agree(claim="sub", **{"is": "identifier"})
    identifier = User.objects.get(username="jane").account_key.partition(":")[2]
    assert stand.refused(stand.token(sub="jane")) == "person.unknown"
    assert stand.ask(stand.token(sub=identifier)).status_code == 200


def test_a_token_serves_once_where_that_was_agreed(stand: Stand) -> None:
    """By its jti, or by its text without one; a refused use does not spend it."""
    token = stand.token()
    assert [stand.ask(token).status_code for _ in range(2)] == [200, 200]
    stand.agree(once=True)
    for token in (stand.token(jti="one"), stand.token(more="text")):
        stand.refused(token, 403, "role-not-granted", role="Unheard")
        assert stand.ask(token).status_code == 200
        assert stand.refused(token) == "token.used"


def test_what_is_no_request_is_refused_before_anything_is_asked(stand: Stand) -> None:
    """Another type, names or values; a GET; and everything on a site without issuers."""
    asked = len(stand.issuer.asked)
    good = {"token": stand.token(), "account": ACCOUNT, "role": "Jobs"}
    client = Client(HTTP_HOST=HOST)
    for body in (
        "[]", "{", json.dumps(good | {"more": 1}), json.dumps(good | {"role": 7}),
        json.dumps(good | {"duration": "3600"}), json.dumps(good | {"read_only": "on"}),
        json.dumps(good | {"region": ""}), json.dumps(good | {"preview": 1}),
        json.dumps(good | {"address": 7}), json.dumps(good | {"duration": 60}),
        json.dumps(good)[:-1] + ', "role": "Other"}', json.dumps(good | {"token": "x" * 40_000}),
    ):  # fmt: skip
        answer = client.post(PATH, body, content_type="application/json", secure=True)
        assert (body[:80], answer.status_code) == (body[:80], 400)
    assert client.post(PATH, good, secure=True).status_code == 400
    assert client.get(PATH, secure=True).status_code == 405
    assert len(stand.issuer.asked) == asked
    counts = RefusalCount.objects.filter(reason__startswith="web-identity.").values_list("reason", "number")
    assert {reason for reason, _ in counts} == {
        "web-identity.unreadable-exchange",
        "web-identity.unlawful-length",
    }
    with settings_changed(DRAWBRIDGE_WEB_IDENTITY_ISSUERS=None):
        assert stand.ask(good["token"]).status_code == 404
    assert stand.ask(good["token"]).status_code == 200


def test_refused_tokens_count_under_their_address_and_good_ones_do_not(stand: Stand) -> None:
    """After the budget even a good token waits, and the trail grows no more; good ones never use it up."""
    with settings_changed(DRAWBRIDGE_FAILURES_PER_ADDRESS=3):
        for _ in range(4):
            assert stand.ask(stand.token()).status_code == 200
        for _ in range(3):
            stand.refused(stand.token(aud="somebody-else"))
        rows = AuditRecord.objects.count()
        answer = stand.ask(stand.token())
        assert (answer.status_code, int(answer["Retry-After"]) > 0) == (429, True)
        assert json.loads(answer.content)["code"] == Throttled.code
        assert stand.ask(stand.token()).status_code == 429
        assert AuditRecord.objects.count() == rows
        counted = RefusalCount.objects.filter(reason="web-identity.too-many-tries")
        assert [(row.number, row.address) for row in counted] == [(2, "127.0.0.1")]


def test_what_cannot_be_answered_now_is_counted_and_gets_no_row(stand: Stand) -> None:
    """Whoever asks while issuer or directory is away fills no trail; the count tells how often, and why."""
    rows = AuditRecord.objects.count()
    with stand.issuer.away():
        for _ in range(2):
            stand.refused(stand.token(), 503, "issuer-unavailable")
    assert AuditRecord.objects.count() == rows
    assert RefusalCount.objects.get(reason="web-identity.issuer-unavailable").number == 2


def client_of(answer: HttpResponse, stand: Stand) -> Any:
    given = json.loads(answer.content)
    session = boto3.session.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "us-east-1"
    )
    return session.client("iam", endpoint_url=stand.aws.url)


def test_what_is_given_up_is_refused_by_aws(stand: Stand) -> None:
    """Reading only and another address: what was kept works, what was given up does not; it is on record."""
    harmless = {"Effect": "Deny", "Action": "iam:DeleteRole", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [harmless]})
    whole = client_of(stand.ask(stand.token()), stand)
    whole.put_role_policy(RoleName="Jobs", PolicyName="x", PolicyDocument=document)
    reading = client_of(stand.ask(stand.token(), read_only=True, region="eu-central-1"), stand)
    reading.list_roles(MaxItems=1)
    elsewhere = client_of(stand.ask(stand.token(), address="192.0.2.7", duration=1_800), stand)
    for client in (reading, elsewhere):
        with pytest.raises(ClientError) as caught:
            client.put_role_policy(RoleName="Jobs", PolicyName="x", PolicyDocument=document)
        assert caught.value.response["Error"]["Code"] == "AccessDenied"
    with pytest.raises(ClientError):
        elsewhere.list_roles(MaxItems=1)
    rows = list(AccessSession.objects.order_by("started_at"))
    assert [row.narrowing for row in rows] == [
        "", "read_only=on&region=eu-central-1", "minutes=30&address=192.0.2.7%2F32",
    ]  # fmt: skip
    assert [bool(row.packed_percent) for row in rows] == [False, True, True]
    stand.refused(stand.token(), 400, "unlawful-narrowing", region="us-gov-west-1")
    stand.refused(stand.token(), 400, "unlawful-narrowing", address="0.0.0.0/0")


def test_what_aws_refuses_is_on_record_and_offers_nothing(stand: Stand) -> None:
    """An issuer that AWS does not know is refused there: the access is over before it began."""
    stand.issuer.answers["/pool/jwks"], kept = (500, b""), stand.issuer.answers["/pool/jwks"]
    try:
        agreed, _ = token_issuers()
        issuer_keys.forget()
        stand.issuer.answers["/pool/jwks"] = kept
        issuer_keys.find(agreed, "rsa", now=datetime.now(UTC))
        stand.issuer.answers["/pool/jwks"] = 500, b""
        answer = stand.ask(stand.token())
    finally:
        stand.issuer.answers["/pool/jwks"] = kept
    assert (answer.status_code, json.loads(answer.content)["code"]) == (403, "aws-issuer-unreachable")
    assert AccessSession.objects.get().state == "ended"
    assert AuditRecord.objects.filter(event="person:credentials:refused").count() == 1


def test_what_an_account_is_told_to_trust_keeps_the_decision_here(stand: Stand) -> None:
    """The provider, its audiences, and the address from which STS sees us; in every form that is printed."""
    setup = account_setup(account=ACCOUNT, role_names=("Jobs",))
    (statement,) = as_data(setup)["roles"][0]["trust_policy"]["Statement"]
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{stand.issuer.host}"
    assert statement["Principal"] == {"Federated": provider}
    assert statement["Action"] == ["sts:AssumeRoleWithWebIdentity"]
    assert statement["Condition"] == {
        "StringEquals": {f"{stand.issuer.host}:aud": [CLIENT, "another-client"]},
        "IpAddress": {"aws:SourceIp": ["127.0.0.0/8"]},
    }
    for printed in (as_text(setup), as_cli(setup), as_cloudformation(setup)):
        assert stand.issuer.url in printed
    posted = account_setup(account=ACCOUNT, role_names=("Posted",))
    assert as_data(posted)["oidc_providers"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://issuer.example"},
        {"issuer": "https://issuer.example/?x=1"},
        {"issuer": "https://me@issuer.example"},
        {"audiences": []},
        {"longest": "25h"},
        {"longest": "0s"},
        {"algorithms": ["PS256"]},
        {"algorithms": ["EdDSA"]},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"is": "nickname"},
        {"claim": None},
        {"seen_from": []},
        {"seen_from": ["0.0.0.0/0"]},
        {"directory": "elsewhere"},
        {"ca_file": "/nonexistent/ca.pem"},
        {"unknown": "key"},
    ],
)
def test_an_issuer_that_is_described_wrongly_is_refused_with_its_place(changes: dict[str, Any]) -> None:
    """The whole file is refused, naming the value; without the change it is read."""
    entry = {"issuer": "https://issuer.example", **AGREED}
    with pytest.raises(MalformedFile) as caught:
        read_issuers(json.dumps({"issuers": [entry | changes]}).encode())
    assert re.search(next(iter(changes)), caught.value.cause)
    assert read_issuers(json.dumps({"issuers": [entry]}).encode())[0].name_in_aws == "issuer.example"
    with pytest.raises(MalformedFile):
        read_issuers(json.dumps({"issuers": [entry, entry]}).encode())
