"""A token of an issuer for credentials: one address for programs, without cookie, form or sign-in."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from idp.domain.aws.duration import check_length
from idp.domain.errors import Malformed
from idp.domain.origin import Origin
from idp.services.token_attempts import count_unanswered
from idp.services.web_identity import TokenRequest
from idp.web.request_id import origin_of
from sts_bridge.domain.formats import process_json
from sts_bridge.services.exchange_token import exchange_token, preview_exchange

JSON = "application/json"
LARGEST_BODY = 32_768
NEEDED = frozenset({"token", "account", "role"})
OPTIONAL = frozenset({"duration", "read_only", "region", "address", "preview"})
LONGEST_NAME = 64
LONGEST_SECONDS = 43_200


class UnreadableExchange(Malformed):
    """The body is not the one JSON object that is read here."""

    code = "unreadable-exchange"
    sentence = (
        'Send application/json: {"token": ..., "account": ..., "role": ...}, each a text,'
        ' and if you like "duration" in whole seconds, "read_only": true, "region" and "address";'
        ' with "preview": true you are told what you would get.'
    )


# No cookie counts here: whoever has the token has sent it themselves.
@csrf_exempt
@require_POST
@sensitive_variables()
def exchange(request: HttpRequest) -> HttpResponse:
    """The credentials as a `credential_process` prints them, kept by nobody on the way; or what they would be."""
    origin, now = origin_of(request), datetime.now(UTC)
    try:
        asked, is_preview = read_exchange(request)
    except Malformed as refusal:
        count_unanswered(refusal.code, cause=refusal.cause, origin=origin, now=now)
        raise
    answer = preview if is_preview else credentials
    response = HttpResponse(answer(asked, origin, now), content_type=JSON)
    response["Cache-Control"] = "no-store"
    return response


@sensitive_variables()
def credentials(asked: TokenRequest, origin: Origin, now: datetime) -> str:
    """What a `credential_process` prints."""
    issued = exchange_token(asked, origin=origin, now=now)
    return process_json(issued.credentials, issued.entitlement.role.arn)


@sensitive_variables()
def preview(asked: TokenRequest, origin: Origin, now: datetime) -> str:
    """What the same request would give: role, rule, time and its limit, and how the policy would fill AWS's room."""
    found, policy = preview_exchange(asked, origin=origin, now=now)
    told = {
        "role": str(found.entitlement.role.arn),
        "rule": found.entitlement.ground.rule.name,
        "seconds": found.time.granted.seconds,
        "limited_by": found.time.granted.limit.value,
        "policy": policy.document,
        "managed_policies": list(policy.managed),
        "foreseen_percent": policy.percent,
    }
    return json.dumps(told)


@sensitive_variables()
def read_exchange(request: HttpRequest) -> tuple[TokenRequest, bool]:
    """The request, read strictly, and whether it is for a preview: names once and known, each value of its type."""
    if request.content_type != JSON:
        raise UnreadableExchange("content type")
    octets = request.read(LARGEST_BODY + 1)
    if len(octets) > LARGEST_BODY:
        raise UnreadableExchange("too large")
    try:
        found = json.loads(octets.decode(), object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        raise UnreadableExchange("no JSON") from None
    if not isinstance(found, dict) or not NEEDED <= found.keys() <= NEEDED | OPTIONAL:
        raise UnreadableExchange("names")
    token, account, role = found["token"], found["account"], found["role"]
    if not all(isinstance(one, str) and one for one in (token, account, role)):
        raise UnreadableExchange("texts")
    if len(account) > LONGEST_NAME or len(role) > LONGEST_NAME or "\0" in account + role:
        raise UnreadableExchange("names too long")
    if not isinstance(found.get("preview", False), bool):
        raise UnreadableExchange("preview")
    asked = TokenRequest(token, account, role, _duration(found.get("duration")), _given_up(found))
    return asked, bool(found.get("preview"))


def _duration(value: Any) -> timedelta | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LONGEST_SECONDS:
        raise UnreadableExchange("duration")
    return check_length(timedelta(seconds=value))


def _given_up(found: Mapping[str, Any]) -> Mapping[str, str]:
    """What of the role is not wanted, as forms write it; each value of its type, none of them empty."""
    read_only, region, address = (found.get(name) for name in ("read_only", "region", "address"))
    if not (read_only is None or isinstance(read_only, bool)):
        raise UnreadableExchange("read_only")
    for one in (region, address):
        if one is not None and not (isinstance(one, str) and 0 < len(one) <= LONGEST_NAME):
            raise UnreadableExchange("region or address")
    return {
        "read_only": "on" if read_only else "",
        "region": region or "",
        "address": address or "",
    }


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found
