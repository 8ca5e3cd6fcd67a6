"""Signature Version 4: what must be signed, for what, and when."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as ClientKeys

from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.pace import Pace
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.saml_registry import SamlRegistry
from sts_bridge.local_aws.signature_v4 import _read_claim, _sign, authenticate
from sts_bridge.local_aws.state import State
from sts_bridge.local_aws.tokens import Vault
from tests.unit.sts_bridge.local_aws.test_tokens import SESSION

VAULT = Vault(b"k" * 32)
REALM = Realm(
    world=SimpleNamespace(access_keys={}, disabled_regions=frozenset()),  # type: ignore[arg-type]
    state=State(),
    vault=VAULT,
    saml=SamlRegistry(registered={}, state=State()),
    pace=Pace(None),
)
KEYS = VAULT.issue(replace(SESSION, ends_at=datetime.now(UTC) + timedelta(hours=1)))
ENDED = VAULT.issue(replace(SESSION, ends_at=datetime.now(UTC) - timedelta(seconds=1)))
BODY = b"Action=GetCallerIdentity&Version=2011-06-15"


def signed_call(
    *,
    service: str = "sts",
    region: str = "eu-west-1",
    keys: object = KEYS,
    presigned: int = 0,
    headers: dict[str, str] | None = None,
) -> Call:
    """A call signed by botocore, AWS's own signer."""
    assert isinstance(keys, type(KEYS))
    client = ClientKeys(keys.access_key_id, keys.secret_access_key, keys.session_token)
    if presigned:
        request = AWSRequest("GET", f"http://127.0.0.1:8010/?{BODY.decode()}", headers=headers or {})
        SigV4QueryAuth(client, service, region, expires=presigned).add_auth(request)
    else:
        request = AWSRequest("POST", "http://127.0.0.1:8010/", data=BODY, headers=headers or {})
        SigV4Auth(client, service, region).add_auth(request)
    named = {name.lower(): value for name, value in request.headers.items()}
    return Call(
        method=request.method,
        path="/",
        query=request.url.partition("?")[2],
        headers=tuple({"host": "127.0.0.1:8010", **named}.items()),
        body=b"" if presigned else BODY,
        request_id="r",
        parameters={},
    )


def with_header(call: Call, name: str, change: Callable[[str], str]) -> Call:
    """The call with a header changed, or added if it is not there."""
    headers = dict(call.headers)
    headers[name] = change(headers.get(name, ""))
    return replace(call, headers=tuple(headers.items()))


def always(value: str) -> Callable[[str], str]:
    """The same value whatever there was before."""
    return lambda _: value


def without_name(name: str) -> Callable[[str], str]:
    """The text without this part of it."""
    return lambda text: text.replace(name, "")


def without_header(call: Call, name: str) -> Call:
    """The call without a header."""
    return replace(call, headers=tuple(pair for pair in call.headers if pair[0] != name))


def code(call: Call, *, later: timedelta = timedelta(), service: str = "sts") -> tuple[int, str]:
    """The refusal of a call, at a moment after now."""
    with pytest.raises(AwsError) as refusal:
        authenticate(call, realm=REALM, service=service, now=datetime.now(UTC) + later)
    return refusal.value.status, refusal.value.code


def holds(call: Call, *, later: timedelta = timedelta()) -> bool:
    """Whether the call is taken, at a moment after now."""
    session = authenticate(call, realm=REALM, service="sts", now=datetime.now(UTC) + later)
    return session.name == SESSION.name


MISMATCH = (403, "SignatureDoesNotMatch")
INCOMPLETE = (400, "IncompleteSignature")


def test_a_signed_call_is_taken_and_a_changed_one_refused() -> None:
    """Method, path, query, body, host and every signed header are covered."""
    call = signed_call()
    assert holds(call)
    assert holds(signed_call(region="cn-north-1"))
    assert holds(with_header(call, "user-agent", lambda _: "unsigned"))
    for changed in (
        replace(call, method="PUT"),
        replace(call, path="/x"),
        replace(call, query="a=b"),
        replace(call, body=BODY + b"&x=y"),
        with_header(call, "host", lambda _: "127.0.0.1:8011"),
    ):
        assert code(changed) == MISMATCH


def test_what_must_be_signed_must_be_signed() -> None:
    """Host, date and every x-amz- header that is there stand among the signed headers."""
    call = signed_call()
    assert code(with_header(call, "x-amz-extra", lambda _: "x")) == MISMATCH
    for name in ("host;", "x-amz-date;"):
        assert code(with_header(call, "authorization", without_name(name))) == MISMATCH
    assert (
        code(with_header(call, "authorization", lambda text: text.replace("=host;", "=x;host;")))
        == INCOMPLETE
    )
    extra = signed_call(headers={"X-Amz-Extra": "x  y"})
    assert holds(extra)


def test_the_body_digest_must_be_the_bodys() -> None:
    """x-amz-content-sha256, where it is sent, tells the truth; unsigned payloads are not taken."""
    assert holds(signed_call(headers={"X-Amz-Content-SHA256": hashlib.sha256(BODY).hexdigest()}))
    for wrong in ("UNSIGNED-PAYLOAD", hashlib.sha256(b"").hexdigest()):
        assert code(signed_call(headers={"X-Amz-Content-SHA256": wrong})) == MISMATCH


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), INCOMPLETE),
        (lambda text: text.replace("Signature=", "Sig="), INCOMPLETE),
        (lambda text: text.replace("/aws4_request", ""), INCOMPLETE),
        (lambda text: text.replace("/aws4_request", "/aws5_request"), MISMATCH),
        (lambda text: text.replace("/sts/", "/iam/"), MISMATCH),
        (lambda text: text.replace("/20", "/19", 1), MISMATCH),
        (lambda text: text.replace("/eu-west-1/", "/us-east-1/"), MISMATCH),
        (lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"), MISMATCH),
        (lambda text: text[:-1], INCOMPLETE),
        (lambda text: text[:-1] + "\u00e4", INCOMPLETE),
        (lambda text: text.upper(), INCOMPLETE),
        (lambda _: "Basic eDp5", INCOMPLETE),
        (lambda _: "", INCOMPLETE),
    ],
)
def test_a_malformed_or_misdirected_signature_is_refused(
    change: Callable[[str], str], expected: tuple[int, str]
) -> None:
    """Algorithm, scope, service and form of the signature are held to the rule."""
    call = signed_call()
    assert code(with_header(call, "authorization", change)) == expected
    assert holds(call)


def test_a_signature_of_another_day_is_refused() -> None:
    """The day of the scope is the day of the call, also where the signature holds over another one."""
    call = signed_call()
    text = dict(call.headers)["authorization"]
    day = datetime.now(UTC).strftime("%Y%m%d")

    def signed_on(other: str) -> Call:
        moved = with_header(call, "authorization", always(text.replace(f"/{day}/", f"/{other}/")))
        claim = _read_claim(moved, [])
        signature = _sign(moved, [], claim, VAULT.secret_access_key(claim.access_key_id))
        return with_header(moved, "authorization", lambda old: old.replace(claim.signature, signature))

    assert code(signed_on("20250101")) == MISMATCH
    assert holds(signed_on(day))


def test_a_call_for_another_service_is_refused() -> None:
    """What is signed for one service does not serve for another."""
    assert code(signed_call(service="iam")) == MISMATCH
    assert code(signed_call(), service="iam") == MISMATCH
    assert holds(signed_call())


def test_a_call_is_good_for_fifteen_minutes_either_way() -> None:
    """Fifteen minutes before and after, by header; a presigned one as long as it says."""
    call = signed_call()
    for minutes in (-14.9, 14.9):
        assert holds(call, later=timedelta(minutes=minutes))
    for minutes in (-15.1, 15.1):
        assert code(call, later=timedelta(minutes=minutes)) == MISMATCH
    presigned = signed_call(presigned=120)
    assert holds(presigned, later=timedelta(seconds=118))
    assert code(presigned, later=timedelta(seconds=121)) == (400, "RequestExpired")
    assert code(presigned, later=timedelta(minutes=-16)) == MISMATCH


def test_a_presigned_call_covers_its_query() -> None:
    """Everything in the address but the signature is signed, in whatever encoding it arrives."""
    call = signed_call(presigned=60)
    assert holds(call)
    assert holds(replace(call, query=call.query.replace("-", "%2D")))
    rows = {
        call.query.replace("X-Amz-Expires=60", "X-Amz-Expires=61"): MISMATCH,
        call.query + "&x=y": MISMATCH,
        call.query + "&Action=x": INCOMPLETE,
        call.query.replace("X-Amz-Expires=60", "X-Amz-Expires=604801"): INCOMPLETE,
        call.query.replace("X-Amz-Expires=60", "X-Amz-Expires=0"): INCOMPLETE,
        call.query.replace("X-Amz-Expires=60", "X-Amz-Expires="): INCOMPLETE,
        call.query.replace("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=x"): MISMATCH,
        call.query.replace("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=none"): INCOMPLETE,
        call.query.partition("&X-Amz-Signature")[0]: INCOMPLETE,
        call.query + "%": INCOMPLETE,
    }
    for query, expected in rows.items():
        assert code(replace(call, query=query)) == expected, query[-60:]
    assert code(with_header(call, "authorization", lambda _: "x")) == INCOMPLETE
    assert code(with_header(call, "x-amz-extra", lambda _: "x")) == MISMATCH


def test_the_token_must_be_the_keys_and_alive() -> None:
    """No token, a foreign one and one of other keys are unknown; an ended session says so."""
    call = signed_call()
    unknown = (403, "InvalidClientTokenId")
    other = VAULT.issue(SESSION)
    assert code(without_header(call, "x-amz-security-token")) in {unknown, MISMATCH}
    for token in ("x", other.session_token, Vault(b"l" * 32).issue(SESSION).session_token):
        assert code(with_header(call, "x-amz-security-token", always(token))) == unknown
    assert code(signed_call(keys=replace(KEYS, access_key_id="AKIAIOSFODNN7EXAMPLE"))) == unknown
    assert code(signed_call(keys=ENDED)) == (403, "ExpiredToken")
    assert code(signed_call(keys=replace(KEYS, secret_access_key="x" * 40))) == MISMATCH
    assert holds(call)


def test_a_call_without_a_signature_is_refused() -> None:
    """Nobody is nobody."""
    assert code(without_header(signed_call(), "authorization")) == (403, "MissingAuthenticationToken")


def test_dates_of_the_old_form_are_read() -> None:
    """Without x-amz-date the Date header counts, if it can be read; a date of no calendar is refused."""
    call = signed_call()
    for wrong in ("", "20261301T000000Z", "2026-01-01T00:00:00Z", "x"):
        assert code(with_header(call, "x-amz-date", always(wrong))) in {INCOMPLETE, MISMATCH}
    assert code(without_header(call, "x-amz-date")) == INCOMPLETE
