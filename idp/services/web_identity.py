"""A token of a configured issuer → an access on offer, recorded: who it means, and the rules, as they are now."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from idp.directory import directories
from idp.domain.access_session import AccessKind
from idp.domain.aws.duration import HonestTime
from idp.domain.aws.narrowing import Narrowing
from idp.domain.aws.role import Road
from idp.domain.entitlements import Entitlement
from idp.domain.identity import DirectoryIdentity
from idp.domain.origin import Origin
from idp.domain.token_issuer import Matched, TokenIssuer
from idp.models import ClaimedMessage, User
from idp.oidc.claims import SKEW, TokenIdentity, read_identity
from idp.oidc.errors import TokenRefused
from idp.oidc.keys import issuer_keys
from idp.oidc.tokens import read_token, verified_claims
from idp.services.grants import granted_role, time_for
from idp.services.identity import recent_answers
from idp.services.offer_access import OfferedAccess, write_offer
from idp.services.people import person_of
from idp.services.rules import names_matter
from idp.services.snapshots import store_snapshot
from idp.services.staff import is_in_admin_groups
from idp.services.token_attempts import Attempt, asked_by_token
from idp.services.token_issuers import token_issuers
from idp.services.workloads import workload_of

BY_TOKEN = frozenset({Road.WEB_IDENTITY})


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What the bearer of a token asks for.

    `given_up` names what of the role is not wanted, as `Narrowing.read` takes it.
    """

    token: str = field(repr=False)
    account: str
    role_name: str
    duration: timedelta | None
    given_up: Mapping[str, str]


def offer_by_token(asked: TokenRequest, *, origin: Origin, now: datetime) -> tuple[OfferedAccess, Narrowing]:
    """The access is on record as offered to whom this token stands for, before anybody asks AWS.

    What is given up comes back read.

    Refuses with TokenRefused what an issuer of ours did not make for us and for now, with RoleNotGranted whoever
    the rules do not give the role, with AnotherRoad a role that no token opens; is Unavailable as issuer and
    directory are. Each refusal has one row and counts under its address; beyond that budget, and where something is
    unavailable, the minute's count tells and no row: no stranger fills the trail.
    """
    with asked_by_token(asked.account, asked.role_name, origin, now) as attempt:
        issuer, said = _verified(asked.token, attempt, now)
        identity = _whom_it_means(issuer, said, attempt, now)
        with transaction.atomic():
            entitlement, narrowing = _granted(identity, asked, now)
            person = person_of(identity, is_staff=_is_staff(issuer, identity), now=now)
            if not person.is_active:
                raise TokenRefused("person.deactivated")
            if issuer.once:
                _claim_once(issuer, asked.token, said)
            if not issuer.is_of_workloads:
                # The sweep follows whoever has one: what the directory takes away is gone soon.
                store_snapshot(person, identity)
            offer = write_offer(
                person=person,
                identity=identity,
                entitlement=entitlement,
                kind=AccessKind.CREDENTIALS,
                duration=asked.duration,
                narrowing=narrowing.line(),
                origin=origin,
                signed_in_at=said.issued_at,
                now=now,
            )
    if not issuer.is_of_workloads:
        recent_answers.keep(identity, newly_stored=True)
    return offer, narrowing


@dataclass(frozen=True, slots=True)
class TokenPreview:
    """What a token would give now: by which rule, for how long and by which limit, and how narrow."""

    entitlement: Entitlement
    time: HonestTime
    narrowing: Narrowing


def preview_by_token(asked: TokenRequest, *, origin: Origin, now: datetime) -> TokenPreview:
    """What the exchange would give; nothing is handed out, on record or spent. Refuses as `offer_by_token` does."""
    with asked_by_token(asked.account, asked.role_name, origin, now) as attempt:
        issuer, said = _verified(asked.token, attempt, now)
        identity = _whom_it_means(issuer, said, attempt, now)
        entitlement, narrowing = _granted(identity, asked, now)
        if User.objects.filter(account_key=identity.account_key, is_active=False).exists():
            raise TokenRefused("person.deactivated")
        if issuer.once and ClaimedMessage.objects.filter(digest=_mark(issuer, asked.token, said)).exists():
            raise TokenRefused("token.used")
        time = time_for(
            entitlement, console=False, request=asked.duration, signed_in_at=said.issued_at, now=now
        )
    return TokenPreview(entitlement, time, narrowing)


def _granted(
    identity: DirectoryIdentity, asked: TokenRequest, now: datetime
) -> tuple[Entitlement, Narrowing]:
    entitlement = granted_role(identity, asked.account, asked.role_name, roads=BY_TOKEN, now=now)
    narrowing = Narrowing.read(asked.given_up, partition=entitlement.role.arn.partition)
    return entitlement, replace(narrowing, duration=asked.duration)


def _verified(token: str, attempt: Attempt, now: datetime) -> tuple[TokenIssuer, TokenIdentity]:
    unverified = read_token(token)
    issuer = next((one for one in token_issuers() if one.url == unverified.unverified_issuer), None)
    if issuer is None:
        raise TokenRefused("token.iss")
    attempt.issuer = issuer.url
    if unverified.algorithm not in issuer.algorithms:
        raise TokenRefused("token.alg")
    keys = issuer_keys.find(issuer, unverified.key_id, now=now)
    claims = verified_claims(unverified, keys=keys, algorithms=issuer.algorithms)
    said = read_identity(claims, issuer=issuer, now=now)
    attempt.subject = said.subject
    return issuer, said


def _whom_it_means(
    issuer: TokenIssuer, said: TokenIdentity, attempt: Attempt, now: datetime
) -> DirectoryIdentity:
    """The person as the directory answers now, or the workload with all that the rules say of its claims."""
    if not issuer.is_of_workloads:
        return _person_meant(issuer, said, attempt, now)
    workload = workload_of(issuer.url, said.claims, now=now)
    attempt.account_key, attempt.username = workload.account_key, workload.username
    return workload


def _is_staff(issuer: TokenIssuer, identity: DirectoryIdentity) -> bool:
    return not issuer.is_of_workloads and is_in_admin_groups(identity)


def _person_meant(
    issuer: TokenIssuer, said: TokenIdentity, attempt: Attempt, now: datetime
) -> DirectoryIdentity:
    """The one person of the issuer's directory, as it answers now; refuses whom it does not know or let sign in."""
    if issuer.matched is Matched.IDENTIFIER:
        source = directories.directory_named(issuer.directory)
        found = source.find(said.value, now=now, names=names_matter()) if source is not None else None
    else:
        found = directories.find_by_name(said.value, now=now)
    if found is None or found.directory != issuer.directory or not _is_meant(issuer, said.value, found):
        raise TokenRefused("person.unknown")
    attempt.account_key, attempt.username = found.account_key, found.username
    if not found.may_sign_in:
        raise TokenRefused(f"person.{found.state.value}")
    return found


def _is_meant(issuer: TokenIssuer, value: str, found: DirectoryIdentity) -> bool:
    """A directory finds people by more than what was agreed; only that counts."""
    meant = {
        Matched.IDENTIFIER: found.immutable_id,
        Matched.USERNAME: found.username,
        Matched.MAIL: found.mail,
        Matched.WORKLOAD: "",
    }[issuer.matched]
    return bool(meant) and meant.lower() == value.lower()


def _claim_once(issuer: TokenIssuer, token: str, said: TokenIdentity) -> None:
    """Of two who bring the same token the database lets one through."""
    try:
        with transaction.atomic():
            ClaimedMessage.objects.create(
                digest=_mark(issuer, token, said), expires_at=said.ends_at + 2 * SKEW
            )
    except IntegrityError:
        raise TokenRefused("token.used") from None


def _mark(issuer: TokenIssuer, token: str, said: TokenIdentity) -> str:
    """What is the same for the same token, whose signature could be spelled in two ways."""
    named = f"jti\0{said.token_id}" if said.token_id else f"text\0{token.rpartition('.')[0]}"
    return hashlib.sha256(f"web-identity\0{issuer.url}\0{named}".encode()).hexdigest()
