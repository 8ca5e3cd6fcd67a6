"""Less of a role than one has: shorter, reading only, in one region, from one address; told before the click."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from idp.domain.aws.duration import HonestTime, Limit
from idp.domain.aws.role import Road
from idp.domain.aws.signin import PARTITIONS
from idp.web.middleware import SignedInRequest, signed_in
from idp.web.request_id import client_address
from idp.web.security_headers import allow_forms_leading_to
from sts_bridge.portal.forms import only, read_narrowing
from sts_bridge.services.preview_session import SessionPreview, preview_session

LENGTHS = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240, 480))
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit as the page shows it."""

    name: str
    span: str
    wins: bool


@require_safe
@signed_in
def show_narrow(request: SignedInRequest, account: str, role: str) -> HttpResponse:
    """The form, and what the choice in the address would give; nothing is handed out by looking."""
    now = datetime.now(UTC)
    narrowing = read_narrowing(request.GET, person=request.user, account=account, role_name=role, now=now)
    preview = preview_session(
        person=request.user,
        account=account,
        role_name=role,
        narrowing=narrowing,
        signed_in_at=request.session.signed_in_at,
        now=now,
    )
    names = {"account": account, "role": role}
    context = {
        "role": preview.entitlement.role,
        "narrowing": narrowing,
        "lengths": [
            (int(span / MINUTE), in_words(span), span == narrowing.duration) for span in lengths(preview)
        ],
        "other_minutes": other_minutes(preview, narrowing.duration),
        "may_read_only": preview.entitlement.role.road is not Road.FEDERATION,
        "usual_region": PARTITIONS[preview.entitlement.role.arn.partition].home_region,
        "here": client_address(request),
        "words": list(narrowing.words()),
        "policy": readable(preview.policy.document),
        "managed": preview.policy.managed,
        "percent": preview.policy.percent,
        "console_rows": list(rows(preview.console)),
        "credentials_rows": list(rows(preview.credentials)),
        "console_lasts": in_words(preview.console.granted.duration),
        "credentials_last": in_words(preview.credentials.granted.duration),
        "to": only(request.GET, "to"),
        "go": reverse("go", kwargs=names),
        "broker": reverse("broker", kwargs=names),
        "credentials": reverse("credentials", kwargs=names),
        "narrow": reverse("narrow", kwargs=names),
    }
    response = render(request, "sts_bridge/narrow.html", context)
    allow_forms_leading_to(response, preview.form_action)
    return response


def lengths(preview: SessionPreview) -> Iterator[timedelta]:
    """The lengths to choose from: those that are shorter than what holds without a choice."""
    longest = min(span for limit, span in preview.credentials.limits if limit is not Limit.REQUEST)
    return (span for span in LENGTHS if span < longest)


def other_minutes(preview: SessionPreview, chosen: timedelta | None) -> int | None:
    """A chosen length that the list does not have, so that the form keeps it."""
    return int(chosen / MINUTE) if chosen is not None and chosen not in set(lengths(preview)) else None


def rows(time: HonestTime) -> Iterator[LimitRow]:
    """Every limit, and which one decides."""
    for limit, span in time.limits:
        yield LimitRow(limit.words, in_words(span), wins=limit is time.granted.limit)
    if time.granted.limit is Limit.AWS:
        yield LimitRow(Limit.AWS.words, in_words(time.granted.duration), wins=True)


def in_words(span: timedelta) -> str:
    """The span as people read it."""
    hours, rest = divmod(max(span, timedelta()), HOUR)
    minutes = int(rest / MINUTE)
    words = [f"{hours} h"] if hours else []
    return " ".join([*words, f"{minutes} min"] if minutes or not hours else words)


def readable(document: str) -> str:
    """The policy with its lines broken."""
    return json.dumps(json.loads(document), indent=2) if document else ""
