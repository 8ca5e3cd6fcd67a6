"""The mapping tables brought to what a file says, with as few changes as that takes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from idp.domain.aws.role import AwsRole
from idp.domain.rules import Rule as DomainRule
from idp.models import Account, Role, Rule
from idp.services.mapping_file import AccountEntry, MappingFile

Row = TypeVar("Row", Account, Role, Rule)
Key = TypeVar("Key")
Value = TypeVar("Value")

ADDED, CHANGED, REMOVED = "added", "changed", "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """One row that is added, changed or removed."""

    kind: str
    what: str
    name: str


@dataclass(slots=True)
class TableWriter:
    """Writes, or with `dry_run` only tells, what differs between the tables and a file."""

    dry_run: bool
    changes: list[Change] = field(default_factory=list)

    def write(self, file: MappingFile, rules: Iterable[DomainRule]) -> None:
        """The tables say what the file says: added and changed from the accounts down, removed from the rules up.

        Rules keep their numbers as long as they keep their names; new ones get theirs in the order of the file.
        """
        account_rows = {row.number: row for row in Account.objects.all()}
        role_rows = {(row.account.number, row.name): row for row in Role.objects.select_related("account")}
        rule_rows = {row.name: row for row in Rule.objects.select_related("role__account", "account")}
        accounts = {entry.number: entry for entry in file.accounts}
        roles = {(role.arn.account, role.arn.name): role for role in file.roles}
        named = {rule.name: rule for rule in rules}
        self._bring(Account, account_rows, accounts, _account_values)
        self._bring(Role, role_rows, roles, lambda role: _role_values(role, account_rows))
        self._bring(Rule, rule_rows, named, lambda rule: _rule_values(rule, account_rows, role_rows))
        self._remove(Rule, [row for name, row in rule_rows.items() if name not in named])
        self._remove(Role, [row for key, row in role_rows.items() if key not in roles])
        self._remove(Account, [row for number, row in account_rows.items() if number not in accounts])

    def _bring(
        self,
        model: type[Row],
        rows: dict[Key, Row],
        wanted: Mapping[Key, Value],
        values_of: Callable[[Value], dict[str, Any]],
    ) -> None:
        added: list[Row] = []
        changed: list[Row] = []
        names: list[str] = []
        for key, value in wanted.items():
            values = values_of(value)
            names = list(values)
            row = rows.get(key)
            if row is None:
                rows[key] = row = model(**values)
                added.append(row)
            elif any(getattr(row, name) != new for name, new in values.items()):
                for name, new in values.items():
                    setattr(row, name, new)
                changed.append(row)
        self._note(ADDED, added)
        self._note(CHANGED, changed)
        if added and not self.dry_run:
            model.objects.bulk_create(added, batch_size=500)
        if changed and not self.dry_run:
            model.objects.bulk_update(changed, names, batch_size=200)

    def _remove(self, model: type[Row], rows: list[Row]) -> None:
        self._note(REMOVED, rows)
        if rows and not self.dry_run:
            model.objects.filter(pk__in=[row.pk for row in rows]).delete()

    def _note(self, kind: str, rows: Iterable[Account | Role | Rule]) -> None:
        self.changes += [Change(kind, type(row).__name__.lower(), name_of_row(row)) for row in rows]


def name_of_row(row: Account | Role | Rule) -> str:
    """What people call the row in files and in the audit trail."""
    if isinstance(row, Account):
        return row.number
    return row.arn if isinstance(row, Role) else row.name


def _account_values(entry: AccountEntry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "name": entry.name,
        "environment": entry.environment,
        "colour": entry.colour,
        "partition": entry.partition,
        "provider": entry.provider,
        "hub": entry.hub,
    }


def _role_values(role: AwsRole, accounts: Mapping[str, Account]) -> dict[str, Any]:
    return {
        "account": accounts[role.arn.account],
        "path": role.arn.path,
        "name": role.arn.name,
        "longest_seconds": int(role.longest.total_seconds()),
        "source_identity": role.source_identity,
        "tags": list(role.tags),
        "transitive_tags": list(role.transitive_tags),
        "road": role.road.value,
        "policies": list(role.policies),
    }


def _rule_values(
    rule: DomainRule, accounts: Mapping[str, Account], roles: Mapping[tuple[str, str], Role]
) -> dict[str, Any]:
    return {
        "name": rule.name,
        "effect": rule.effect.value,
        "group_id": rule.group_id or "",
        "group_dn": rule.group_dn,
        "workload_issuer": rule.workload.issuer if rule.workload is not None else "",
        "workload_subject": (rule.workload.subject or "") if rule.workload is not None else "",
        "workload_claims": dict(rule.workload.claims) if rule.workload is not None else {},
        "pattern": rule.pattern or "",
        "base": rule.base or "",
        "role": roles[rule.role.account, rule.role.name] if rule.role is not None else None,
        "account": accounts[rule.account] if rule.account is not None else None,
        "role_name": rule.role_name or "",
        "duration_seconds": int(rule.duration.total_seconds()) if rule.duration is not None else None,
        "starts_at": rule.starts_at,
        "ends_at": rule.ends_at,
        "enabled": rule.enabled,
        "note": rule.note,
    }
