"""Signature Version 4: is this call signed by the holder of that key, over what arrived, and just now?"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from sts_bridge.local_aws.callers import Caller, long_term_caller
from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm

ALGORITHM: Final = "AWS4-HMAC-SHA256"

_TERMINATOR = "aws4_request"
_WINDOW = timedelta(minutes=15)
_LONGEST_PRESIGNED = 604_800
_STAMP = "%Y%m%dT%H%M%SZ"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<credential>[^\s,]+),\s*SignedHeaders=(?P<headers>[^\s,]+),"
    r"\s*Signature=(?P<signature>[^\s,]+)",
    re.ASCII,
)
_SIGNATURE = re.compile(r"[0-9a-f]{64}", re.ASCII)
_STAMP_TEXT = re.compile(r"[0-9]{8}T[0-9]{6}Z", re.ASCII)
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a call says about its own signature."""

    access_key_id: str
    scope: tuple[str, ...]
    signed_headers: tuple[str, ...]
    signature: str
    token: str = field(repr=False)
    stamp: str
    valid_for: timedelta | None


def authenticate(call: Call, *, realm: Realm, service: str, now: datetime) -> Caller:
    """Give who signed this call.

    Refuses a call without a signature, one that leaves the host, the date or an `x-amz-` header unsigned, one
    made for another service or moment, unknown keys, a session that has ended, and more calls than the pace allows.
    """
    query = _split_query(call.query)
    claim = _read_claim(call, query)
    _check_scope(claim, service)
    _check_moment(claim, now)
    caller, secret = _holder(claim, realm)
    expected = _sign(call, query, claim, secret)
    if not hmac.compare_digest(expected, claim.signature):
        raise _mismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS "
            "Secret Access Key and signing method. Consult the service documentation for details.",
            "mismatch",
        )
    if caller.has_ended(now):
        raise _refused(
            "ExpiredToken", "The security token included in the request is expired", "expired_token"
        )
    realm.pace.admit(caller.account, claim.scope[1], now=now)
    return caller


def signed_region(call: Call) -> str | None:
    """Give the region that a call says it is signed for, or nothing where it says none."""
    named = dict(_split_query(call.query))
    credential = named.get("X-Amz-Credential")
    if credential is None:
        found = _AUTHORIZATION.fullmatch("".join(call.header("authorization")).strip())
        credential = found["credential"] if found else ""
    parts = credential.split("/")
    return parts[2] if len(parts) == len(("key", "date", "region", "service", "terminator")) else None


def _holder(claim: _Claim, realm: Realm) -> tuple[Caller, str]:
    """Find whose keys these are: those of a user stand in the world, those of a session in their own token."""
    key = realm.world.access_keys.get(claim.access_key_id)
    if key is not None and key.is_active and not claim.token:
        return long_term_caller(key.user), key.secret
    caller = realm.vault.open_credentials(claim.access_key_id, claim.token)
    if caller is None:
        raise _refused(
            "InvalidClientTokenId", "The security token included in the request is invalid.", "token"
        )
    return caller, realm.vault.secret_access_key(claim.access_key_id)


def _read_claim(call: Call, query: list[tuple[str, str]]) -> _Claim:
    headers, named = call.header("authorization"), dict(query)
    presigned = "X-Amz-Signature" in named or "X-Amz-Algorithm" in named
    if not headers and not presigned:
        raise _refused("MissingAuthenticationToken", "Request is missing Authentication Token", "missing")
    if len(headers) > 1 or (headers and presigned) or len(named) != len(query):
        raise _incomplete("the request is signed more than once")
    claim = _read_presigned(named) if presigned else _read_header(call, headers[0])
    present = {name for name, _ in call.headers if name.startswith("x-amz-")} | {"host"}
    if not presigned and "x-amz-date" not in present:
        present.add("date")
    if not present <= set(claim.signed_headers):
        missing = ", ".join(sorted(present - set(claim.signed_headers)))
        raise _mismatch(f"'{missing}' must be a 'SignedHeader' in the AWS Authorization.", "unsigned_header")
    if list(claim.signed_headers) != sorted(set(claim.signed_headers)):
        raise _incomplete("SignedHeaders must be sorted and without repetition")
    return claim


def _read_header(call: Call, text: str) -> _Claim:
    found = _AUTHORIZATION.fullmatch(text.strip())
    if found is None:
        raise _incomplete("the Authorization header must hold Credential, SignedHeaders and Signature")
    return _claim(
        found["credential"],
        found["headers"],
        found["signature"],
        token="".join(call.header("x-amz-security-token")),
        stamp=_read_stamp(call),
        valid_for=None,
    )


def _read_presigned(named: Mapping[str, str]) -> _Claim:
    seconds = named.get("X-Amz-Expires", "")
    if named.get("X-Amz-Algorithm") != ALGORITHM or not re.fullmatch(r"[0-9]{1,6}", seconds, re.ASCII):
        raise _incomplete("X-Amz-Algorithm and X-Amz-Expires must be given")
    if not 1 <= int(seconds) <= _LONGEST_PRESIGNED:
        raise _incomplete("X-Amz-Expires must be between 1 and 604800 seconds")
    return _claim(
        named.get("X-Amz-Credential", ""),
        named.get("X-Amz-SignedHeaders", ""),
        named.get("X-Amz-Signature", ""),
        token=named.get("X-Amz-Security-Token", ""),
        stamp=named.get("X-Amz-Date", ""),
        valid_for=timedelta(seconds=int(seconds)),
    )


def _claim(
    credential: str, headers: str, signature: str, *, token: str, stamp: str, valid_for: timedelta | None
) -> _Claim:
    access_key_id, *scope = credential.split("/")
    if len(scope) != len(("date", "region", "service", "terminator")):
        raise _incomplete("the Credential must be key/date/region/service/aws4_request")
    if not _SIGNATURE.fullmatch(signature):
        raise _incomplete("the Signature must be 64 hexadecimal digits")
    if not _STAMP_TEXT.fullmatch(stamp):
        raise _incomplete("the date must be in the form YYYYMMDD'T'HHMMSS'Z'")
    return _Claim(
        access_key_id=access_key_id,
        scope=tuple(scope),
        signed_headers=tuple(headers.split(";")),
        signature=signature,
        token=token,
        stamp=stamp,
        valid_for=valid_for,
    )


def _read_stamp(call: Call) -> str:
    stamps = call.header("x-amz-date")
    if stamps:
        return stamps[0] if len(stamps) == 1 else ""
    try:
        return parsedate_to_datetime("".join(call.header("date"))).astimezone(UTC).strftime(_STAMP)
    except (IndexError, TypeError, ValueError):
        return ""


def _check_scope(claim: _Claim, service: str) -> None:
    day, _, named_service, terminator = claim.scope
    if terminator != _TERMINATOR:
        raise _mismatch(f"Credential should be scoped with a valid terminator: '{_TERMINATOR}'", "terminator")
    if named_service != service:
        raise _mismatch(f"Credential should be scoped to correct service: '{service}'.", "service")
    if day != claim.stamp[:8]:
        raise _mismatch(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP", "day"
        )


def _check_moment(claim: _Claim, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(claim.stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise _incomplete("the date names no real second") from None
    here = now.strftime(_STAMP)
    if signed_at - now > _WINDOW:
        limit = (now + _WINDOW).strftime(_STAMP)
        raise _mismatch(
            f"Signature not yet current: {claim.stamp} is still later than {limit} ({here} + 15 min.)",
            "too_early",
        )
    if claim.valid_for is not None:
        if now - signed_at >= claim.valid_for:
            raise AwsError(
                "RequestExpired",
                "Request has expired.",
                status=HTTPStatus.BAD_REQUEST,
                reason="sigv4.presigned",
            )
    elif now - signed_at > _WINDOW:
        limit = (now - _WINDOW).strftime(_STAMP)
        raise _mismatch(
            f"Signature expired: {claim.stamp} is now earlier than {limit} ({here} - 15 min.)", "too_late"
        )


def _sign(call: Call, query: list[tuple[str, str]], claim: _Claim, secret: str) -> str:
    body_digest = hashlib.sha256(call.body).hexdigest()
    if call.header("x-amz-content-sha256") not in {(), (body_digest,)}:
        raise _mismatch(
            "The provided 'x-amz-content-sha256' header does not match what was computed.", "body"
        )
    headers = "".join(
        f"{name}:{','.join(' '.join(value.split()) for value in call.header(name))}\n"
        for name in claim.signed_headers
    )
    canonical_query = "&".join(
        f"{name}={value}"
        for name, value in sorted((_encode(name), _encode(value)) for name, value in query)
        if name != "X-Amz-Signature"
    )
    canonical = "\n".join((call.method, call.path, canonical_query, headers, ";".join(claim.signed_headers)))
    digest = hashlib.sha256(f"{canonical}\n{body_digest}".encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in claim.scope:
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    text = "\n".join((ALGORITHM, claim.stamp, "/".join(claim.scope), digest))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _split_query(raw: str) -> list[tuple[str, str]]:
    """Give names and values as they were meant; the signature covers one encoding of them, whichever came."""
    pairs = []
    for part in filter(None, raw.split("&")):
        if _PERCENT.search(part):
            raise _incomplete("the query string cannot be read")
        name, _, value = part.partition("=")
        pairs.append((_decode(name), _decode(value)))
    return pairs


def _decode(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode("latin-1")


def _encode(text: str) -> str:
    return quote(text.encode("latin-1"), safe="-_.~")


def _incomplete(what: str) -> AwsError:
    return AwsError(
        "IncompleteSignature",
        f"The request signature does not conform to AWS standards: {what}.",
        status=HTTPStatus.BAD_REQUEST,
        reason="sigv4.incomplete",
    )


def _mismatch(message: str, reason: str) -> AwsError:
    return _refused("SignatureDoesNotMatch", message, reason)


def _refused(code: str, message: str, reason: str) -> AwsError:
    return AwsError(code, message, status=HTTPStatus.FORBIDDEN, reason=f"sigv4.{reason}")
