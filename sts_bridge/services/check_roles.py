"""Read what AWS has of accounts and roles, and keep on record how it differs from what is registered here."""

import logging
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from idp.domain.aws.role import AwsRole, Road
from idp.domain.aws.signin import in_partition, sign_in_endpoint
from idp.domain.entitlements import RuleBook
from idp.domain.errors import NotFound, Refused, Unavailable
from idp.domain.token_issuer import TokenIssuer
from idp.services.mapping import external_ids
from idp.services.role_findings import FindingRow, accounts_to_check, store_findings
from idp.services.rules import current_rules
from idp.services.token_issuers import token_issuers
from sts_bridge.aws.iam import Iam
from sts_bridge.aws.organizations import accounts_of_organization
from sts_bridge.aws.sts import who_is_the_broker
from sts_bridge.conf import BridgeConfig, bridge_config
from sts_bridge.domain.drift import AwsRoleSeen, Drift, Finding, drift_of_account
from sts_bridge.domain.errors import NoEnder
from sts_bridge.domain.token_trust import token_trusts
from sts_bridge.services.account_roles import credentials_in_account
from sts_bridge.services.regions import in_some_region

CHECKED_EVERY = timedelta(hours=24)
# One turn of a worker; the next goes on with the accounts that are left.
ONE_TURN = timedelta(seconds=30)
ACTIVE = "ACTIVE"

logger = logging.getLogger("drawbridge.bridge")


def check_roles(*, accounts: tuple[str, ...] = (), now: datetime) -> list[Finding]:
    """Every difference in these accounts, or in all that are registered and in the organization; kept on record.

    An account that cannot be read is a finding itself, and what was known of it stays. Refuses an account that is
    not registered.
    """
    config, book = bridge_config(), current_rules()
    known = sorted(external_ids())
    if unknown := [account for account in accounts if account not in known]:
        raise NotFound(f"accounts {unknown}", sentence=f"Account {unknown[0]} is not registered.")
    findings = [] if accounts else _check_organization(known, config, now=now)
    for account in accounts or known:
        findings += _check_account(account, book, config, now=now)
    return findings


def check_next_accounts(*, now: datetime) -> int:
    """The accounts that nobody has looked at for a day are checked, as many as one turn takes; tells how many."""
    config = bridge_config()
    if not config.reader_role:
        return 0
    book, began_at, checked = current_rules(), time.monotonic(), 0
    for account in accounts_to_check(before=now - CHECKED_EVERY):
        _check_account(account, book, config, now=now)
        checked += 1
        if time.monotonic() - began_at > ONE_TURN.total_seconds():
            break
    if checked:
        _check_organization(sorted(external_ids()), config, now=now)
    return checked


def _check_organization(known: list[str], config: BridgeConfig, *, now: datetime) -> list[Finding]:
    """What the organization says of accounts; where we may not ask it, the registered accounts are the list."""
    try:
        findings = list(_of_organization(accounts_of_organization(config), known))
    except Refused as error:
        logger.info("roles.organization.unread", extra={"facts": {"cause": error.cause}})
        findings = []
    except Unavailable as error:
        # Half a list says nothing of the accounts that are not on it: what was known of them stays.
        detail = f"the list of the organization's accounts: {error.told} ({error.cause})"
        problem = Finding(Drift.ACCOUNT_NOT_READ, "", "", detail)
        store_findings("", _rows([problem]), now=now, keep_others=True)
        return [problem]
    store_findings("", _rows(findings), now=now)
    return findings


def _of_organization(states: Mapping[str, str], known: list[str]) -> Iterator[Finding]:
    for account, state in sorted(states.items()):
        if account not in known and state == ACTIVE:
            yield Finding(
                Drift.ACCOUNT_NOT_REGISTERED, account, "", "an account of the organization, not registered"
            )
        elif account in known and state != ACTIVE:
            yield Finding(
                Drift.ACCOUNT_NOT_ACTIVE, account, "", f"registered, and {state} in the organization"
            )


def _check_account(account: str, book: RuleBook, config: BridgeConfig, *, now: datetime) -> list[Finding]:
    registered = [role for arn, role in book.roles.items() if arn.account == account]
    try:
        seen = _roles_in(account, registered, config)
    except (Refused, Unavailable) as error:
        problem = Finding(Drift.ACCOUNT_NOT_READ, account, "", f"{error.told} ({error.cause})")
        store_findings(account, _rows([problem]), now=now, keep_others=True)
        return [problem]
    partition = registered[0].arn.partition if registered else "aws"
    provider = str(registered[0].provider) if registered else ""
    findings = list(
        drift_of_account(
            account,
            registered=registered,
            seen=seen,
            audiences={partition: statement_audiences_in_use(partition, config)},
            provider=provider,
            broker=_broker(partition),
            with_rules=_given_by_rules(book),
            trusts={
                str(role.arn): token_trusts(role, issuers=_issuers(), rules=book.rules)
                for role in registered
                if role.road is Road.WEB_IDENTITY
            },
            now=now,
        )
    )
    findings += _of_workload_rules(account, book)
    store_findings(account, _rows(findings), now=now)
    return findings


def _broker(partition: str) -> str:
    try:
        return in_some_region(
            partition, lambda region, limits: who_is_the_broker(region=region, config=limits)
        )
    except (Refused, Unavailable):
        return ""


def statement_audiences_in_use(partition: str, config: BridgeConfig) -> tuple[str, ...]:
    """The addresses that statements are made out to: the configured regions', or the partition's usual one."""
    ours: list[str | None] = [one for one in config.signin_regions if in_partition(one, partition)]
    endpoints = (
        sign_in_endpoint(partition=partition, region=region, stand_in=config.stand_in, audiences={})
        for region in ours or [None]
    )
    return tuple(dict.fromkeys(endpoint.acs for endpoint in endpoints))


def _roles_in(account: str, registered: list[AwsRole], config: BridgeConfig) -> dict[str, AwsRoleSeen]:
    if not config.reader_role:
        raise NoEnder(
            "DRAWBRIDGE_READER_ROLE names no role",
            sentence="This site has no right to read the account's roles.",
        )
    partition = registered[0].arn.partition if registered else "aws"
    credentials = credentials_in_account(partition=partition, account=account, role_name=config.reader_role)
    iam = Iam(credentials, partition=partition, config=config)
    ours = {role.arn.name for role in registered}
    seen = {}
    for entry in iam.roles():
        name = entry["RoleName"]
        used = iam.role(name).get("RoleLastUsed", {}).get("LastUsedDate") if name in ours else None
        seen[name] = AwsRoleSeen(
            arn=entry["Arn"],
            name=name,
            longest_seconds=entry.get("MaxSessionDuration", 3_600),
            trust=entry["AssumeRolePolicyDocument"],
            last_used_at=used.astimezone(UTC) if used is not None else None,
        )
    return seen


def _given_by_rules(book: RuleBook) -> frozenset[str]:
    """The roles that some rule could give; a rule by pattern could give every role of what it leaves open."""
    given = set()
    for rule in book.rules:
        for arn in book.roles:
            by_name = (
                rule.role is None
                and rule.account in {None, arn.account}
                and rule.role_name in {None, arn.name}
            )
            if rule.role == arn or by_name:
                given.add(str(arn))
    return frozenset(given)


def _issuers() -> tuple[TokenIssuer, ...]:
    """The configured issuers; none while their file cannot be read."""
    try:
        return token_issuers()
    except Refused:
        return ()


def _of_workload_rules(account: str, book: RuleBook) -> Iterator[Finding]:
    """Rules for workloads that concern nobody: by the road of their role, or by an issuer that nobody configured."""
    known = {issuer.url for issuer in _issuers() if issuer.is_of_workloads}
    for rule in book.rules:
        if rule.workload is None or rule.role is None or rule.role.account != account:
            continue
        role = book.roles.get(rule.role)
        if role is not None and role.road is not Road.WEB_IDENTITY:
            detail = f"rule {rule.name!r} is for workloads, and the role has the road {role.road}"
            yield Finding(Drift.WORKLOAD_RULE, account, str(rule.role), detail)
        if rule.workload.issuer not in known:
            detail = f"rule {rule.name!r}: tokens of {rule.workload.issuer} are not taken for workloads'"
            yield Finding(Drift.WORKLOAD_RULE, account, str(rule.role), detail)


def _rows(findings: Iterator[Finding] | list[Finding]) -> list[FindingRow]:
    return [FindingRow(one.drift.value, one.account, one.role, one.detail) for one in findings]
