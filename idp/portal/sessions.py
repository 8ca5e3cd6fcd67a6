"""What I hold and until when, and where I am signed in."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.backends.utils import csrf_input
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from idp.conf.access import access_config
from idp.domain.access_session import AccessKind, AccessSessionView
from idp.domain.aws.narrowing import narrowing_in_words
from idp.domain.aws.role import CLICKED_ROADS, Road
from idp.portal.roles import in_words
from idp.services.access_sessions import list_accesses
from idp.services.endings import denied_until, end_own_access
from idp.services.site_sessions import OpenSession, end_other_sessions, open_sessions
from idp.web.middleware import SignedInRequest, signed_in
from idp.web.request_id import origin_of

# In this order: Edge and Opera call themselves Chrome too, and Chrome calls itself Safari.
BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
# What keeps an access from ending, by the code of the problem; of everything else only that it is tried again.
IN_THE_WAY = {
    "aws-policy-full": "not ended yet: the role has no room in AWS; tried again. "
    "Ask your administrators to end the whole role",
    "no-ender": "not ended: this site has no right to end sessions in that account; tried again",
    "ender-not-taken": "not ended: AWS does not let this site end sessions in that account; tried again",
    "aws-broker-unknown": "not ended: AWS does not know this site in that account; tried again",
    "aws-nothing-there": "not ended: AWS has no such role",
}
program_name = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One access as the page shows it."""

    view: AccessSessionView
    left: str
    is_over: bool
    ends_soon: bool
    narrowed: str
    may_renew: bool
    renewable_from: datetime | None
    may_end: bool
    never_ends: bool
    in_the_way: str


@dataclass(frozen=True, slots=True)
class SignInRow:
    """One browser in which the person is signed in, as the page shows it."""

    open: OpenSession
    browser: str


@require_safe
@signed_in
def show_sessions(request: SignedInRequest) -> HttpResponse:
    """What the person holds, the next to end first; what ended within a day, greyed; where they are signed in."""
    now, signed_in_at = datetime.now(UTC), request.session.signed_in_at
    denied = denied_until(request.user, now=now)
    rows = [
        access_row(view, now, signed_in_at=signed_in_at, denied_until=denied.get(str(view.role)))
        for view in list_accesses(request.user, now=now)
    ]
    context = {
        # One field for all forms of the page: made anew for each, it would be most of the page's cost.
        "token": csrf_input(request),
        "held": [row for row in rows if not row.is_over],
        "ended": [row for row in rows if row.is_over],
        "may_end": access_config().ends_sessions,
        "may_change_password": access_config().password_change and not request.user.is_local,
        "ending_soon": [row for row in rows if row.ends_soon],
        "sign_ins": [
            SignInRow(session, browser_in_words(session.browser))
            for session in open_sessions(session=request.session, now=now)
        ],
    }
    return render(request, "portal/sessions.html", context)


@require_POST
@signed_in
def end_access(request: SignedInRequest, number: UUID) -> HttpResponse:
    """What the person holds in the role of this access is going to end in AWS; the page tells when it has."""
    end_own_access(request.user, number, origin=origin_of(request), now=datetime.now(UTC))
    return HttpResponseRedirect(reverse("sessions"))


@require_POST
@signed_in
def end_others(request: SignedInRequest) -> HttpResponse:
    """The person is signed in nowhere but here."""
    end_other_sessions(session=request.session, origin=origin_of(request), now=datetime.now(UTC))
    return HttpResponseRedirect(reverse("sessions"))


def access_row(
    view: AccessSessionView, now: datetime, *, signed_in_at: datetime, denied_until: datetime | None = None
) -> AccessRow:
    """The access as the page shows it at this moment, with what may be done with it.

    Until `denied_until` a new one would end with what is being ended in its role: it may be renewed from then on.
    """
    limits = access_config()
    over, by_federation = view.is_over(now), view.road is Road.FEDERATION
    until = signed_in_at + limits.renewable_for
    may_renew = view.kind is AccessKind.CREDENTIALS and view.road in CLICKED_ROADS and now < until
    waits = may_renew and denied_until is not None
    return AccessRow(
        view=view,
        left="" if over else in_words(view.ends_at - now),
        is_over=over,
        ends_soon=view.ends_soon(now),
        narrowed=narrowing_in_words(view.narrowing),
        may_renew=may_renew and not waits,
        renewable_from=denied_until if waits else None,
        may_end=limits.ends_sessions and not over and not by_federation,
        never_ends=limits.ends_sessions and not over and by_federation,
        in_the_way=in_the_way(view),
    )


def in_the_way(view: AccessSessionView) -> str:
    """Why the access has not ended yet though somebody asked for it; empty where nothing is known to be amiss."""
    if view.ending is None or not view.ending.problem:
        return ""
    return IN_THE_WAY.get(view.ending.problem_code, "not done yet, and tried again")


def browser_in_words(text: str) -> str:
    """The browser as people call it; of other programs the name with which they begin."""
    browser = next((name for mark, name in BROWSERS if mark in text), "")
    system = next((name for mark, name in SYSTEMS if mark in text), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    program = program_name.match(text)
    return program[0] if program else "Unknown program"
