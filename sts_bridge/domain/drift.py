"""What is registered against what AWS has: each difference by its name, with what it will lead to.

A role trusts a provider if some statement allows the action to it and none denies it; conditions are read as far as
they are about the address that statements are made out to, or about the ExternalId.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from idp.domain.aws.role import AwsRole, Road
from sts_bridge.domain.token_trust import TokenTrust, oidc_provider_arn

UNUSED_AFTER = timedelta(days=90)
HOUR = 3_600
BY_TOKEN = "sts:AssumeRoleWithWebIdentity"  # noqa: S105 - the name of an action
# Roles of Identity Center take no statement of ours.
RESERVED = "AWSReservedSSO_"


class Drift(StrEnum):
    """What can differ."""

    ROLE_MISSING = "role-missing"
    PROVIDER_NOT_TRUSTED = "provider-not-trusted"
    BROKER_NOT_TRUSTED = "broker-not-trusted"
    EXTERNAL_ID_NOT_DEMANDED = "external-id-not-demanded"
    AUDIENCE_MISSING = "audience-missing"
    SESSION_TOO_LONG = "session-too-long"
    TOKENS_NOT_BOUND = "tokens-not-bound"
    WORKLOAD_RULE = "workload-rule-without-effect"
    TAGS_NOT_ALLOWED = "tags-not-allowed"
    SOURCE_IDENTITY_NOT_ALLOWED = "source-identity-not-allowed"
    NOT_REGISTERED = "not-registered"
    UNUSED = "unused"
    NO_RULE = "no-rule"
    ACCOUNT_NOT_REGISTERED = "account-not-registered"
    ACCOUNT_NOT_ACTIVE = "account-not-active"
    ACCOUNT_NOT_READ = "account-not-read"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: in which account, of which role if it is about one, and what it means."""

    drift: Drift
    account: str
    role: str
    detail: str


@dataclass(frozen=True, slots=True)
class AwsRoleSeen:
    """One role as AWS has it."""

    arn: str
    name: str
    longest_seconds: int
    trust: Mapping[str, Any]
    last_used_at: datetime | None = None


def drift_of_account(
    account: str,
    *,
    registered: Iterable[AwsRole],
    seen: Mapping[str, AwsRoleSeen],
    audiences: Mapping[str, tuple[str, ...]],
    provider: str,
    broker: str,
    with_rules: frozenset[str],
    trusts: Mapping[str, tuple[TokenTrust, ...]],
    now: datetime,
) -> Iterator[Finding]:
    """Every difference in this account.

    `audiences` are the sign-in addresses in use, `with_rules` the roles that rules give; `broker` is who we are in
    AWS, empty where that is not known; `trusts` are the issuers that each role of the road `web-identity` must trust.
    """
    names = set()
    for role in registered:
        if role.road is Road.FEDERATION:
            continue
        names.add(role.arn.name)
        arn = str(role.arn)
        found = seen.get(role.arn.name)
        if found is None or found.arn != arn:
            other = f"; AWS has {found.arn}" if found is not None else ""
            yield Finding(Drift.ROLE_MISSING, account, arn, f"nobody gets it: the role is not in AWS{other}")
            continue
        yield from (
            Finding(drift, account, arn, detail)
            for drift, detail in _drift_of_role(role, found, audiences, broker, trusts.get(arn, ()))
        )
        if arn not in with_rules:
            yield Finding(Drift.NO_RULE, account, arn, "no rule gives this role to anybody")
        elif found.last_used_at is None or found.last_used_at < now - UNUSED_AFTER:
            when = f"since {found.last_used_at:%Y-%m-%d}" if found.last_used_at else "as far as AWS knows"
            yield Finding(Drift.UNUSED, account, arn, f"nobody has used it {when}")
    for name, found in sorted(seen.items()):
        ours = name not in names and not name.startswith(RESERVED)
        if ours and _allows(found.trust, "Federated", provider, "sts:AssumeRoleWithSAML"):
            detail = "trusts our provider and is not registered: statements of ours would open it"
            yield Finding(Drift.NOT_REGISTERED, account, found.arn, detail)


def _drift_of_role(
    role: AwsRole,
    found: AwsRoleSeen,
    audiences: Mapping[str, tuple[str, ...]],
    broker: str,
    trusts: tuple[TokenTrust, ...],
) -> Iterator[tuple[Drift, str]]:
    yield from _drift_of_length(role, found)
    if role.road is Road.WEB_IDENTITY:
        yield from _drift_of_token_trusts(role, found.trust, trusts)
        return
    if role.road is Road.SAML:
        kind, principal, action = "Federated", str(role.provider), "sts:AssumeRoleWithSAML"
        if not _allows(found.trust, kind, principal, action):
            yield Drift.PROVIDER_NOT_TRUSTED, f"the trust policy does not let {principal} in"
            return
        missing = [
            address
            for address in audiences[role.arn.partition]
            if not _audience_allowed(found.trust, principal, address)
        ]
        if missing:
            yield Drift.AUDIENCE_MISSING, f"sign-in fails at {', '.join(missing)}: saml:aud does not hold it"
    else:
        kind, principal, action = "AWS", str(role.hub) if role.hub else broker, "sts:AssumeRole"
        if not _allows(found.trust, kind, principal, action):
            yield Drift.BROKER_NOT_TRUSTED, "the trust policy lets neither hub nor broker in"
            return
        if not _demands_external_id(found.trust, role.external_id):
            detail = "the trust policy does not demand this account's ExternalId: others could lead our broker here"
            yield Drift.EXTERNAL_ID_NOT_DEMANDED, detail
    if role.tags and not _allows(found.trust, kind, principal, "sts:TagSession"):
        yield (
            Drift.TAGS_NOT_ALLOWED,
            "session tags are sent, and sts:TagSession is not allowed: every session fails",
        )
    if role.source_identity and not _allows(found.trust, kind, principal, "sts:SetSourceIdentity"):
        detail = "SourceIdentity is sent, and sts:SetSourceIdentity is not allowed: every session fails"
        yield Drift.SOURCE_IDENTITY_NOT_ALLOWED, detail


def _drift_of_token_trusts(
    role: AwsRole, document: Mapping[str, Any], trusts: tuple[TokenTrust, ...]
) -> Iterator[tuple[Drift, str]]:
    if not _allows(document, "Federated", "", BY_TOKEN):
        yield Drift.PROVIDER_NOT_TRUSTED, "the trust policy lets no token of an issuer in"
        return
    for trust in trusts:
        yield from _drift_of_token_trust(trust, oidc_provider_arn(role, trust.issuer), document)


def _drift_of_token_trust(
    trust: TokenTrust, provider: str, document: Mapping[str, Any]
) -> Iterator[tuple[Drift, str]]:
    """Whether tokens of the issuer are let in, and only those that are for us, of whom rules name, and through us."""
    issuer = trust.issuer
    if not _allows(document, "Federated", provider, BY_TOKEN):
        yield Drift.PROVIDER_NOT_TRUSTED, f"the trust policy lets no token of {issuer.url} in"
        return
    for statement in _matching(document, "Allow", "Federated", provider, BY_TOKEN):
        open_ways = []
        audiences = [
            value for _, values in _condition(statement, f"{issuer.name_in_aws}:aud") for value in values
        ]
        if not audiences or not set(audiences) <= set(issuer.audiences):
            open_ways.append(f"{issuer.name_in_aws}:aud does not bind it to our audience")
        subjects = _condition(statement, f"{issuer.name_in_aws}:sub")
        if trust.subjects and not any(_are_among(values, trust.subjects) for _, values in subjects):
            open_ways.append(f"{issuer.name_in_aws}:sub does not bind it to the workloads of the rules")
        if not _is_bound_to(statement, issuer.seen_from):
            open_ways.append(
                "aws:SourceIp does not bind it to this server: holders go to STS past every rule"
            )
        if open_ways:
            yield Drift.TOKENS_NOT_BOUND, f"trust in tokens of {issuer.url}: {'; '.join(open_ways)}"


def _are_among(values: Iterable[str], subjects: Iterable[str]) -> bool:
    """Whether each of these is one of the subjects, or begins as one that leaves its end open."""
    return all(
        any(value == one or (one.endswith("*") and value.startswith(one[:-1])) for one in subjects)
        for value in values
    )


def _is_bound_to(statement: Mapping[str, Any], networks: Iterable[str]) -> bool:
    """Whether only requests from these networks meet it: from where STS sees this server, and no wider."""
    return any(
        operator.lower() == "ipaddress"
        and key.lower() == "aws:sourceip"
        and all(any(_is_within(str(value), network) for network in networks) for value in _list(values))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def _is_within(value: str, network: str) -> bool:
    try:
        inner, outer = ipaddress.ip_network(value, strict=False), ipaddress.ip_network(network)
    except ValueError:
        return False
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner.subnet_of(outer)


def _drift_of_length(role: AwsRole, found: AwsRoleSeen) -> Iterator[tuple[Drift, str]]:
    longest = int(role.longest.total_seconds())
    if longest > found.longest_seconds:
        detail = f"registered for {longest} s, and AWS allows {found.longest_seconds} s: every longer session fails"
        yield Drift.SESSION_TOO_LONG, detail


def _statements(trust: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statements = trust.get("Statement", [])
    return [one for one in _list(statements) if isinstance(one, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names_of(principal: str) -> set[str]:
    """The names by which a trust policy may mean this principal: its own, and those of its whole account."""
    parts = principal.split(":")
    return {principal, parts[4], f"{':'.join(parts[:5])}:root"}


def _matching(
    trust: Mapping[str, Any], effect: str, kind: str, principal: str, action: str
) -> Iterator[Mapping[str, Any]]:
    for statement in _statements(trust):
        if statement.get("Effect") != effect:
            continue
        who = statement.get("Principal")
        named = _list(who.get(kind, [])) if isinstance(who, dict) else _list(who)
        trusted = bool(named) if not principal else not {"*", *_names_of(principal)}.isdisjoint(named)
        actions = (str(pattern).lower() for pattern in _list(statement.get("Action", [])))
        if trusted and any(fnmatchcase(action.lower(), pattern) for pattern in actions):
            yield statement


def _allows(trust: Mapping[str, Any], kind: str, principal: str, action: str) -> bool:
    denied = any("Condition" not in one for one in _matching(trust, "Deny", kind, principal, action))
    return not denied and any(_matching(trust, "Allow", kind, principal, action))


def _audience_allowed(trust: Mapping[str, Any], principal: str, address: str) -> bool:
    for statement in _matching(trust, "Allow", "Federated", principal, "sts:AssumeRoleWithSAML"):
        wanted = _condition(statement, "saml:aud")
        if not wanted or all(
            any(fnmatchcase(address, value) if like else address == value for value in values)
            for like, values in wanted
        ):
            return True
    return False


def _demands_external_id(trust: Mapping[str, Any], external_id: str) -> bool:
    statements = [
        one
        for one in _statements(trust)
        if one.get("Effect") == "Allow"
        and isinstance(one.get("Principal"), dict | str)
        and any(fnmatchcase("sts:assumerole", str(action).lower()) for action in _list(one.get("Action", [])))
        and (one["Principal"] == "*" or "AWS" in one["Principal"])
    ]
    return all(
        any(values == [external_id] for _, values in _condition(one, "sts:ExternalId")) for one in statements
    )


def _condition(statement: Mapping[str, Any], key: str) -> list[tuple[bool, list[str]]]:
    """The values that this key must have, and whether they are patterns; by operators of equality only."""
    found = []
    for operator, keys in statement.get("Condition", {}).items():
        like = operator.lower().endswith("like")
        if operator.lower() in {"stringequals", "stringlike"}:
            found += [
                (like, [str(value) for value in _list(values)])
                for name, values in keys.items()
                if name.lower() == key.lower()
            ]
    return found
