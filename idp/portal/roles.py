"""My roles, and the page of one role that can be bookmarked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.backends.utils import csrf_input
from django.urls import reverse
from django.views.decorators.http import require_safe

from idp.conf import saml_config
from idp.domain.aws.signin import check_destination, sign_in_endpoint
from idp.domain.entitlements import Entitlement
from idp.domain.errors import RoleNotGranted
from idp.portal.forms import Wish, search_words
from idp.services.access_sessions import held_until
from idp.services.entitlements import entitlements_of
from idp.web.middleware import SignedInRequest, signed_in

SEARCHABLE_FROM = 8
SECONDS_PER_MINUTE = 60


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
    rows = [row_of(one, held.get(str(one.role.arn)), now) for one in entitlements_of(request.user, now=now)]
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
    return render(request, "portal/roles.html", context)


@require_safe
@signed_in
def show_role(request: SignedInRequest, account: str, role: str) -> HttpResponse:
    """What one click will open; refuses a role that the person has not, and a page that is no AWS console."""
    wish = Wish.read(request.GET)
    now = datetime.now(UTC)
    entitlement = named(entitlements_of(request.user, now=now), account, role)
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
    }
    return render(request, "portal/go.html", context)


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
    console, credentials, bookmark = addresses(role.arn.account, role.arn.name)
    return RoleRow(
        arn=str(role.arn),
        account=role.arn.account,
        account_name=role.account_name,
        environment=role.environment,
        colour=role.colour,
        name=role.arn.name,
        lasts=in_words(entitlement.granted.duration),
        console=console,
        credentials=credentials,
        bookmark=bookmark,
        held_until=held_until,
        left=in_words(held_until - now) if held_until else "",
    )


@lru_cache(maxsize=8_192)
def addresses(account: str, role_name: str) -> tuple[str, str, str]:
    """Where the forms of a role lead, and its bookmark; the same for everybody, so worked out once."""
    names = {"account": account, "role": role_name}
    return (
        reverse("console", kwargs=names),
        reverse("credentials", kwargs=names),
        reverse("go", kwargs=names),
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
