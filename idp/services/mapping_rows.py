"""Rows of the mapping tables as domain values, each checked when made."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.conf.access import access_config
from idp.domain.aws.arn import ProviderArn, RoleArn
from idp.domain.aws.role import AwsRole, Road
from idp.domain.errors import Malformed
from idp.domain.rules import Effect
from idp.domain.rules import Rule as DomainRule
from idp.domain.workload import Workload
from idp.models import Role, Rule

ROLE_FIELDS = (
    "pk", "account__partition", "account__number", "account__provider", "account__name", "account__environment",
    "account__colour", "path", "name", "longest_seconds", "source_identity", "tags", "transitive_tags", "road",
    "account__hub", "account__external_id", "policies",
)  # fmt: skip
RULE_FIELDS = (
    "pk", "name", "effect", "group_id", "group_dn", "pattern", "base", "role_id", "account__number", "role_name",
    "duration_seconds", "starts_at", "ends_at", "enabled", "note", "workload_issuer", "workload_subject",
    "workload_claims",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that somebody wrote past every check, and why it cannot be read."""

    table: str
    number: int
    name: str
    cause: str
    denies: bool = False


@dataclass(frozen=True, slots=True)
class MappingRows:
    """All rows as they could be read, and those that could not."""

    roles: dict[int, AwsRole]
    rules: tuple[DomainRule, ...]
    broken: tuple[BrokenRow, ...]


def read_rows() -> MappingRows:
    """Every registered role and every rule; rows that cannot be read are named beside them.

    A rule whose role could not be read leads nowhere and is broken too; such a denial denies what nobody gives.
    """
    roles: dict[int, AwsRole] = {}
    broken: list[BrokenRow] = []
    for values in Role.objects.order_by("pk").values_list(*ROLE_FIELDS):
        try:
            roles[values[0]] = role_of_values(*values[1:])
        except (Malformed, ValueError, TypeError) as error:
            broken.append(BrokenRow("role", values[0], str(values[8]), str(error)))
    rules = tuple(_read_rules(roles, broken))
    return MappingRows(roles, rules, tuple(broken))


def _read_rules(roles: dict[int, AwsRole], broken: list[BrokenRow]) -> Iterator[DomainRule]:
    for values in Rule.objects.order_by("pk").values_list(*RULE_FIELDS):
        number, name, effect, role_id = values[0], values[1], values[2], values[7]
        if role_id is not None and role_id not in roles:
            broken.append(BrokenRow("rule", number, name, "its role cannot be read"))
            continue
        arn = roles[role_id].arn if role_id is not None else None
        try:
            yield rule_of_values(*(*values[:7], arn, *values[8:]))
        except (Malformed, ValueError, TypeError) as error:
            denies = effect != Effect.ALLOW.value
            broken.append(BrokenRow("rule", number, name, str(error), denies=denies))


def role_of_row(row: Role) -> AwsRole:
    """The role that this row describes, saved or not; refuses what could not be given."""
    account = row.account
    return role_of_values(
        account.partition,
        account.number,
        account.provider,
        account.name,
        account.environment,
        account.colour,
        row.path,
        row.name,
        row.longest_seconds,
        row.source_identity,
        row.tags,
        row.transitive_tags,
        row.road,
        account.hub,
        account.external_id,
        row.policies,
    )


def rule_of_row(row: Rule) -> DomainRule:
    """The rule that this row describes, saved or not; refuses what could not be applied."""
    return rule_of_values(
        row.pk or 0,
        row.name,
        row.effect,
        row.group_id,
        row.group_dn,
        row.pattern,
        row.base,
        RoleArn.parse(row.role.arn) if row.role is not None else None,
        row.account.number if row.account is not None else None,
        row.role_name,
        row.duration_seconds,
        row.starts_at,
        row.ends_at,
        row.enabled,
        row.note,
        row.workload_issuer,
        row.workload_subject,
        row.workload_claims,
    )


def role_of_values(
    partition: str,
    account: str,
    provider: str,
    account_name: str,
    environment: str,
    colour: str,
    path: str,
    name: str,
    longest_seconds: int,
    source_identity: bool,  # noqa: FBT001 - a row's values come in one order
    tags: list[str],
    transitive_tags: list[str],
    road: str,
    hub: str,
    external_id: str | None,
    policies: list[str],
) -> AwsRole:
    """The role that these values describe; refuses what could not be given."""
    return AwsRole(
        arn=RoleArn(partition, account, path, name),
        provider=ProviderArn(partition, account, provider),
        account_name=account_name,
        environment=environment,
        colour=colour,
        longest=timedelta(seconds=longest_seconds),
        source_identity=source_identity,
        tags=texts(tags),
        transitive_tags=texts(transitive_tags),
        road=Road(road),
        hub=RoleArn.parse(hub) if hub else None,
        broker_is_role=access_config().broker_is_role,
        external_id=external_id or "",
        policies=texts(policies),
    )


def rule_of_values(
    number: int,
    name: str,
    effect: str,
    group_id: str,
    group_dn: str,
    pattern: str,
    base: str,
    role: RoleArn | None,
    account: str | None,
    role_name: str,
    duration_seconds: int | None,
    starts_at: datetime | None,
    ends_at: datetime | None,
    enabled: bool,  # noqa: FBT001 - a row's values come in one order
    note: str,
    workload_issuer: str,
    workload_subject: str,
    workload_claims: dict[str, str],
) -> DomainRule:
    """The rule that these values describe; an empty text in a row is what the domain calls None."""
    return DomainRule(
        number=number,
        name=name,
        effect=Effect(effect),
        group_id=group_id or None,
        group_dn=group_dn,
        role=role,
        pattern=pattern or None,
        base=base or None,
        account=account or None,
        role_name=role_name or None,
        duration=timedelta(seconds=duration_seconds) if duration_seconds is not None else None,
        starts_at=starts_at,
        ends_at=ends_at,
        enabled=enabled,
        note=note,
        workload=_workload(workload_issuer, workload_subject, workload_claims),
    )


def _workload(issuer: str, subject: str, claims: object) -> Workload | None:
    """The workloads that a rule names; refuses parts of them without an issuer, for they would mean nobody."""
    if not issuer and not subject and not claims:
        return None
    if not isinstance(claims, dict) or not all(
        isinstance(text, str) for pair in claims.items() for text in pair
    ):
        raise TypeError(f"{claims!r} is no mapping of texts")
    return Workload(issuer, subject or None, tuple(sorted(claims.items())))


def texts(values: object) -> tuple[str, ...]:
    """The values as texts; refuses anything but a list of texts, such as one text by itself."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{values!r} is no list of texts")
    return tuple(values)
