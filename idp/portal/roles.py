"""My roles, and the page of one role that can be bookmarked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.backends.utils import csrf_input
from django.urls import reverse
from django.views.decorators.http import require_safe

from idp.conf.saml import saml_config
from idp.domain.aws.role import Road
from idp.domain.aws.signin import check_destination, sign_in_endpoint
from idp.domain.entitlements import Entitlement
from idp.domain.errors import RoleNotGranted
from idp.portal.forms import Wish, search_words
from idp.services.access_sessions import held_until
from idp.services.entitlements import entitlements_of
from idp.services.grants import time_for
from idp.web.middleware import SignedInRequest, signed_in
from idp.web.security_headers import allow_forms_leading_to

SEARCHABLE_FROM = 8
SECONDS_PER_MINUTE = 60


class Addresses(NamedTuple):
    """Where a role is opened, by each road, and where its pages are."""

    console: str
    broker: str
    credentials: str
    bookmark: str
    narrow: str


@dataclass(frozen=True, slots=True)
class RoleRow:
    """One role as the page shows it."""

    arn: str
    account: str
    account_name: str
    environment: str
    colour: str
    name: str
    lasts: str
    console: str
    credentials: str
    bookmark: str
    narrow: str
    through: str
    by_broker: bool
    by_token: bool
    held_until: datetime | None
    left: str

    @property
    def title(self) -> str:
        """The role in words, for whoever hears the page."""
        return f"{self.name} in {self.account_name}"

    def holds(self, words: Iterable[str]) -> bool:
        """Whether every word occurs in what is shown of the role."""
        shown = f"{self.account_name} {self.account} {self.environment} {self.name}".casefold()
        return all(word in shown for word in words)


@dataclass(frozen=True, slots=True)
class AccountSection:
    """One account with the roles that this person has in it."""

    account: str
    name: str
    environment: str
    colour: str
    roles: tuple[RoleRow, ...]


@require_safe
@signed_in
def show_roles(request: SignedInRequest) -> HttpResponse:
    """All roles that the person may take now, by account; a search narrows them, with or without scripts."""
    if request.user.is_local:
        return HttpResponseRedirect(reverse("admin:index"))
    now = datetime.now(UTC)
    held = held_until(request.user, now=now)
    entitled = entitlements_of(request.user, now=now)
    rows = [row_of(one, held.get(str(one.role.arn)), now) for one in entitled]
    typed, words = search_words(request.GET)
    found = [row for row in rows if row.holds(words)] if words else rows
    context = {
        "accounts": by_account(found),
        "number": len(rows),
        "searchable": len(rows) >= SEARCHABLE_FROM,
        "typed": typed,
        # One field for all forms of the page: made anew for each, it would be most of the page's cost.
        "token": csrf_input(request),
    }
    response = render(request, "portal/roles.html", context)
    allow_forms_to_aws(response, entitled)
    return response


@require_safe
@signed_in
def show_role(request: SignedInRequest, account: str, role: str) -> HttpResponse:
    """What one click will open; refuses a role that the person has not, and a page that is no AWS console."""
    wish = Wish.read(request.GET)
    now = datetime.now(UTC)
    entitlement = named(entitlements_of(request.user, now=now), account, role)
    console, credentials = (
        time_for(entitlement, console=kind, request=None, signed_in_at=request.session.signed_in_at, now=now)
        for kind in (True, False)
    )
    partition, stand_in = entitlement.role.arn.partition, saml_config().stand_in
    endpoint = sign_in_endpoint(
        partition=partition, region=wish.region, stand_in=stand_in, audiences=saml_config().audiences
    )
    destination = wish.to and check_destination(wish.to, partition=partition, stand_in=stand_in)
    context = {
        "role": row_of(entitlement, None, now),
        "wish": wish,
        "destination": destination or endpoint.console,
        "acs": endpoint.acs,
        "console_lasts": in_words(console.granted.duration),
        "console_limit": console.granted.limit.words,
        "credentials_last": in_words(credentials.granted.duration),
        "credentials_limit": credentials.granted.limit.words,
    }
    response = render(request, "portal/go.html", context)
    allow_forms_to_aws(response, [entitlement])
    return response


def allow_forms_to_aws(response: HttpResponse, entitled: Iterable[Entitlement]) -> None:
    """Roles that the broker opens lead from our form straight on to AWS, which browsers must be told of."""
    partitions = {one.role.arn.partition for one in entitled if one.role.road is not Road.SAML}
    if partitions:
        allow_forms_leading_to(response, [place for name in sorted(partitions) for place in aws_places(name)])


def aws_places(partition: str) -> tuple[str, ...]:
    """The hosts of sign-in and console of a partition."""
    config = saml_config()
    return sign_in_endpoint(
        partition=partition, region=None, stand_in=config.stand_in, audiences=config.audiences
    ).form_action


def named(held: Iterable[Entitlement], account: str, role_name: str) -> Entitlement:
    """The one that has this name; refuses with RoleNotGranted if none has."""
    for entitlement in held:
        arn = entitlement.role.arn
        if (arn.account, arn.name) == (account, role_name):
            return entitlement
    raise RoleNotGranted(f"no rule gives {account}/{role_name} on the page of one role")


def row_of(entitlement: Entitlement, held_until: datetime | None, now: datetime) -> RoleRow:
    """The role as the page shows it."""
    role = entitlement.role
    places = addresses(role.arn.account, role.arn.name)
    return RoleRow(
        arn=str(role.arn),
        account=role.arn.account,
        account_name=role.account_name,
        environment=role.environment,
        colour=role.colour,
        name=role.arn.name,
        lasts=in_words(entitlement.granted.duration),
        console=places.console if role.road is Road.SAML else places.broker,
        credentials=places.credentials,
        bookmark=places.bookmark,
        narrow=places.narrow,
        by_broker=role.road is not Road.SAML,
        by_token=role.road is Road.WEB_IDENTITY,
        through=str(role.hub) if role.road is Road.BROKER and role.hub is not None else "",
        held_until=held_until,
        left=in_words(held_until - now) if held_until else "",
    )


@lru_cache(maxsize=8_192)
def addresses(account: str, role_name: str) -> Addresses:
    """Where the forms of a role lead, and its bookmark; the same for everybody, so worked out once."""
    names = {"account": account, "role": role_name}
    return Addresses(
        console=reverse("console", kwargs=names),
        broker=reverse("broker", kwargs=names),
        credentials=reverse("credentials", kwargs=names),
        bookmark=reverse("go", kwargs=names),
        narrow=reverse("narrow", kwargs=names),
    )


def by_account(rows: Iterable[RoleRow]) -> list[AccountSection]:
    """The rows in sections, in the order of the accounts' names."""

    def place(row: RoleRow) -> tuple[str, str]:
        return row.account_name.casefold(), row.account

    sections = []
    for _, group in groupby(sorted(rows, key=place), key=place):
        roles = tuple(sorted(group, key=lambda row: row.name.casefold()))
        first = roles[0]
        sections.append(
            AccountSection(first.account, first.account_name, first.environment, first.colour, roles)
        )
    return sections


def in_words(span: timedelta) -> str:
    """The span as people read it: 45 min, 4 h, 1 h 30 min."""
    hours, minutes = divmod(int(span.total_seconds()) // SECONDS_PER_MINUTE, 60)
    words = [f"{hours} h"] if hours else []
    if minutes or not hours:
        words.append(f"{minutes} min")
    return " ".join(words)
