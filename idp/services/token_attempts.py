"""One request with a token, whatever comes of it: counted under its address, and recorded where it is refused."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from idp.conf.access import throttle_config
from idp.domain.errors import Refused, Throttled, Unavailable
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.models import SignInCounter
from idp.models.throttle import Limit
from idp.services.audit import write_event
from idp.services.refusal_counts import count_by_minute
from idp.services.strict_yaml import MalformedFile
from idp.services.throttle import digest, host_of, throttled
from idp.services.token_issuers import WebIdentityOff, token_issuers

logger = logging.getLogger("drawbridge.services")


@dataclass(slots=True)
class Attempt:
    """What is known so far of one request, for the row that tells of its refusal."""

    wanted: str
    issuer: str = ""
    subject: str = ""
    account_key: str = ""
    username: str = ""


class IssuersUnreadable(Unavailable):
    """The operator's file of issuers has never been read well: what is wrong with it is no stranger's business."""

    code = "issuers-unreadable"
    sentence = "No token can be taken at the moment. Please tell your administrators."


@contextmanager
def asked_by_token(account: str, role_name: str, origin: Origin, now: datetime) -> Iterator[Attempt]:
    """One request, counted, and recorded where it is refused; there is nothing without a configured issuer."""
    try:
        configured = token_issuers()
    except MalformedFile as refusal:
        count_unanswered(IssuersUnreadable.code, cause=refusal.cause, origin=origin, now=now)
        raise IssuersUnreadable(refusal.cause) from None
    if not configured:
        raise WebIdentityOff("DRAWBRIDGE_WEB_IDENTITY_ISSUERS is not set")
    attempt = Attempt(wanted=f"{account}/{role_name}")
    with _counted(origin, now), _recorded(attempt, origin, now):
        yield attempt


@contextmanager
def _counted(origin: Origin, now: datetime) -> Iterator[None]:
    """The request counts under its address until it turns out to be a good one; refuses with Throttled beyond."""
    config = throttle_config()
    key = f"web-identity:{digest(host_of(origin.address))}"
    if not SignInCounter.objects.claim([Limit(key, config.per_address, config.window)], now=now):
        row = SignInCounter.objects.filter(key=key).first()
        left = row.expires_at - now if row is not None else config.window
        count_unanswered(Throttled.code, cause=key, origin=origin, now=now)
        raise throttled("web-identity", max(1, int(left.total_seconds()) + 1))
    try:
        yield
    except Refused:
        raise
    except BaseException:
        SignInCounter.objects.settle([key], cleared=[], now=now)
        raise
    SignInCounter.objects.settle([key], cleared=[], now=now)


def count_unanswered(code: str, *, cause: str, origin: Origin, now: datetime) -> None:
    """What gets no row in the trail is counted for its minute and address, and stands in the log."""
    logger.info(
        "web-identity.not-answered",
        extra={"facts": {"code": code, "cause": cause, "reference": origin.reference}},
    )
    count_by_minute(f"web-identity.{code}", address=origin.address, now=now)


@contextmanager
def _recorded(attempt: Attempt, origin: Origin, now: datetime) -> Iterator[None]:
    try:
        yield
    except Unavailable as problem:
        count_unanswered(problem.code, cause=problem.cause, origin=origin, now=now)
        raise
    except Refused as refusal:
        write_event(
            AuditEvent.WEB_IDENTITY_REFUSED,
            at=now,
            origin=origin,
            account_key=attempt.account_key,
            person=attempt.username,
            role_arn=attempt.wanted,
            reason=refusal.code,
            details={
                "cause": refusal.cause[:300],
                "issuer": attempt.issuer,
                "subject": attempt.subject,
                "client": origin.client,
            },
        )
        raise
