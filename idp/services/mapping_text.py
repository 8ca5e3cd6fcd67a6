"""The mapping written as the file that people keep: reading it gives the same again."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from idp.domain.aws.role import AwsRole
from idp.domain.rules import Rule
from idp.domain.workload import Workload
from idp.services.mapping_file import AccountEntry


def write_mapping(accounts: Iterable[AccountEntry], roles: Iterable[AwsRole], rules: Iterable[Rule]) -> str:
    """The file that says all this, in this order; reading it gives the same again."""
    document = {
        "accounts": [_account_fields(account) for account in accounts],
        "roles": [_role_fields(role) for role in roles],
        "rules": [_rule_fields(rule) for rule in rules],
    }
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=None
    )


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's hook
        """Equal values are written out each time: aliases are not read."""
        return True


def _account_fields(account: AccountEntry) -> dict[str, object]:
    return {
        "id": account.number,
        "name": account.name,
        "environment": account.environment,
        "colour": account.colour,
        "partition": account.partition,
        "provider": account.provider,
        **({"hub": account.hub} if account.hub else {}),
    }


def _role_fields(role: AwsRole) -> dict[str, object]:
    fields: dict[str, object] = {
        "arn": str(role.arn),
        "longest": length_text(role.longest),
        "source_identity": role.source_identity,
        "tags": list(role.tags),
        "transitive_tags": list(role.transitive_tags),
        "road": role.road.value,
        "policies": list(role.policies),
    }
    return {name: value for name, value in fields.items() if value != []}


def _rule_fields(rule: Rule) -> dict[str, object]:
    group = {"id": rule.group_id, "dn": rule.group_dn} if rule.group_id is not None else None
    fields: dict[str, object] = {
        "name": rule.name,
        "workload": _workload_fields(rule.workload) if rule.workload is not None else None,
        "group": {key: value for key, value in group.items() if value} if group else None,
        "pattern": rule.pattern,
        "base": rule.base,
        "account": rule.account,
        "role_name": rule.role_name,
        "role": str(rule.role) if rule.role is not None else None,
        "effect": rule.effect.value,
        "duration": length_text(rule.duration) if rule.duration is not None else None,
        "from": _moment(rule.starts_at),
        "until": _moment(rule.ends_at),
        "enabled": None if rule.enabled else False,
        "note": rule.note or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _workload_fields(workload: Workload) -> dict[str, object]:
    named = (
        {"subject": workload.subject} if workload.subject is not None else {"claims": dict(workload.claims)}
    )
    return {"issuer": workload.issuer, **named}


def length_text(span: timedelta) -> str:
    """The length in the largest unit that says it in whole numbers."""
    seconds = int(span.total_seconds())
    for unit, size in (("h", 3_600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _moment(moment: datetime | None) -> object:
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    is_midnight = (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    return moment.date() if is_midnight else moment
