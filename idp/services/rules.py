"""The rules, compiled once for each of their versions."""

import logging
import threading
from dataclasses import dataclass

from idp.conf.access import access_config
from idp.directory.directories import can_be_group_id, directories
from idp.domain.entitlements import RuleBook
from idp.domain.errors import Unavailable
from idp.domain.rules import Effect, Rule
from idp.models import MappingVersion
from idp.services.mapping_rows import BrokenRow, MappingRows, read_rows

logger = logging.getLogger("drawbridge.services")

MOST_READINGS = 5


class RulesUnavailable(Unavailable):
    """The rules cannot be read as they stand, so that nobody can be told what they may take."""

    code = "rules-unavailable"
    sentence = "Access cannot be given out at the moment. Your administrators have been told why."


@dataclass(frozen=True, slots=True)
class Compiled:
    """What became of one version of the rules; a denial that cannot be read leaves no book."""

    version: int
    book: RuleBook | None
    cause: str = ""


class _Kept:
    """The newest compiled rules of this process."""

    def __init__(self) -> None:
        self.newest: Compiled | None = None
        self.lock = threading.Lock()


_kept = _Kept()


def current_rules() -> RuleBook:
    """The rules of the version that the database names now, compiled once per process.

    Is Unavailable if a denial in the table cannot be read: without it somebody could get too much.
    """
    version = MappingVersion.current()
    newest = _kept.newest
    if newest is None or newest.version != version:
        with _kept.lock:
            newest = _kept.newest
            if newest is None or newest.version != version:
                newest = _kept.newest = _compile()
    if newest.book is None:
        raise RulesUnavailable(newest.cause)
    return newest.book


def names_matter() -> bool:
    """Whether somebody's access hangs on what groups are called: on a pattern, or on an administrators' DN.

    Where the rules cannot be read nobody knows, so that names are asked for; and where names come in any case,
    nothing need be known.
    """
    if all(one.always_names for one in directories()) or any(
        "=" in group for group in access_config().admin_groups
    ):
        return True
    try:
        return current_rules().goes_by_names
    except RulesUnavailable:
        return True


def _compile() -> Compiled:
    version, rows = _read_one_version()
    for row in rows.broken:
        logger.error("rules.row.broken", extra={"facts": facts_of(row)})
    broken_denials = [row for row in rows.broken if row.denies]
    if broken_denials:
        cause = "; ".join(
            f"rule {row.number} denies and cannot be read: {row.cause}" for row in broken_denials
        )
        return Compiled(version, None, cause)
    strays = [rule for rule in rows.rules if is_stray_denial(rule)]
    if strays:
        told = "; ".join(f"rule {rule.number} denies {rule.group_id}" for rule in strays)
        return Compiled(
            version, None, f"no directory has groups of this form, write them as it has them: {told}"
        )
    return Compiled(version, RuleBook(version=version, roles=rows.roles.values(), rules=rows.rules))


def is_stray_denial(rule: Rule) -> bool:
    """Whether the rule denies a group by an identifier that no membership could carry, so that it denied nobody.

    It was written before a second directory was named or while there was one, or with another kind of identifier.
    """
    denies = rule.enabled and rule.effect is Effect.DENY and rule.group_id is not None
    return denies and not can_be_group_id(rule.group_id or "")


def _read_one_version() -> tuple[int, MappingRows]:
    """All rows as one version had them: a change in between raises the version, and we read again."""
    for _ in range(MOST_READINGS):
        before = MappingVersion.current()
        rows = read_rows()
        if MappingVersion.current() == before:
            return before, rows
    raise RulesUnavailable("the rules change faster than they can be read")


def facts_of(row: BrokenRow) -> dict[str, str | int | bool]:
    """What the log tells of a broken row."""
    return {
        "table": row.table,
        "number": row.number,
        "name": row.name,
        "cause": row.cause,
        "denies": row.denies,
    }
