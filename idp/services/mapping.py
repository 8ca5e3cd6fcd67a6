"""The rules of who may take what, as a file: write it out, or take it over whole."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from idp.conf.access import access_config
from idp.conf.saml import saml_config
from idp.domain.aws.role import AwsRole
from idp.domain.errors import Unavailable
from idp.domain.events import AuditEvent
from idp.domain.origin import Origin
from idp.domain.rules import Rule
from idp.models import Account, MappingVersion
from idp.models import Rule as RuleRow
from idp.services.audit import write_event
from idp.services.mapping_file import AccountEntry, MappingFile, RuleEntry, read_mapping
from idp.services.mapping_groups import with_groups
from idp.services.mapping_rows import read_rows
from idp.services.mapping_text import write_mapping
from idp.services.mapping_writing import ADDED, CHANGED, REMOVED, Change, TableWriter
from idp.services.token_issuers import workload_issuers

LONGEST_LIST_OF_NAMES = 2_000


class MappingUnreadable(Unavailable):
    """A row of the mapping tables cannot be read, so that nothing whole can be made of them."""

    code = "mapping-unreadable"
    sentence = "A row of the mapping tables cannot be read; correct it in the admin first."


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CompleteMapping:
    """A file whose every rule names its group by identifier and has the number that it will have."""

    file: MappingFile
    rules: tuple[Rule, ...]
    warnings: tuple[str, ...]


def export_mapping() -> str:
    """The accounts, roles and rules as a file, in a stable order; Unavailable if a row of them cannot be read."""
    roles, rules = readable_rows()
    accounts = [
        AccountEntry(row.number, row.name, row.environment, row.colour, row.partition, row.provider, row.hub)
        for row in Account.objects.order_by("number")
    ]
    return write_mapping(accounts, sorted(roles, key=lambda role: role.arn), rules)


def import_mapping(
    octets: bytes, *, actor: str, origin: Origin | None, now: datetime, dry_run: bool = False
) -> ImportReport:
    """The tables say what the file says, changed and recorded in one transaction.

    Refuses a file with any mistake, naming each with its place, and then changes nothing.
    """
    complete = complete_mapping(octets)
    writer = TableWriter(dry_run)
    with transaction.atomic():
        # Whoever else changes the mapping waits here: what we compare with is what we change.
        MappingVersion.objects.select_for_update().filter(pk=1).first()
        writer.write(complete.file, complete.rules)
        if writer.changes and not dry_run:
            _write_imported(writer.changes, octets, actor=actor, origin=origin, now=now)
    return ImportReport(tuple(writer.changes), complete.warnings)


def complete_mapping(octets: bytes) -> CompleteMapping:
    """What the file says, every group looked up; refuses like an import, and changes nothing."""
    file = read_mapping(octets, tag_sources=saml_config().tag_sources, limits=access_config().accounts)
    entries, warnings = with_groups(file.rules)
    numbers = dict(RuleRow.objects.values_list("name", "pk"))
    following = max(numbers.values(), default=0) + 1
    rules = [
        replace(entry.rule, number=numbers.get(entry.rule.name, following + place))
        for place, entry in enumerate(entries)
    ]
    return CompleteMapping(file, tuple(rules), (*warnings, *_unknown_issuers(entries)))


def _unknown_issuers(entries: Sequence[RuleEntry]) -> list[str]:
    known = workload_issuers()
    return [
        f"{entry.where}.workload.issuer: no token of {entry.rule.workload.issuer} is taken for a workload's;"
        " this rule concerns nobody"
        for entry in entries
        if entry.rule.workload is not None and entry.rule.workload.issuer not in known
    ]


def readable_rows() -> tuple[Sequence[AwsRole], Sequence[Rule]]:
    """Every role and rule of the tables; Unavailable if one of them cannot be read."""
    rows = read_rows()
    if rows.broken:
        broken = "; ".join(f"{row.table} {row.number} ({row.name}): {row.cause}" for row in rows.broken)
        raise MappingUnreadable(broken, sentence=f"{MappingUnreadable.sentence} {broken}")
    return tuple(rows.roles.values()), rows.rules


def _write_imported(
    changes: list[Change], octets: bytes, *, actor: str, origin: Origin | None, now: datetime
) -> None:
    counts = {kind: sum(change.kind == kind for change in changes) for kind in (ADDED, CHANGED, REMOVED)}
    names = ", ".join(f"{change.kind} {change.what} {change.name}" for change in changes)
    write_event(
        AuditEvent.MAPPING_IMPORTED,
        at=now,
        origin=origin,
        person=actor,
        details={
            **counts,
            "sha256": hashlib.sha256(octets).hexdigest(),
            "version": MappingVersion.current(),
            "names": names[:LONGEST_LIST_OF_NAMES],
        },
    )


def external_ids() -> dict[str, str]:
    """The ExternalId of every registered account, by its number."""
    rows = Account.objects.exclude(external_id=None).values_list("number", "external_id")
    return {number: external_id or "" for number, external_id in rows}
