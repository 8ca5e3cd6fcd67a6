"""The groups that a mapping file names, looked up in the directory: the identifier decides, the DN is for people."""

from dataclasses import dataclass, field, replace

from idp.directory.directories import can_be_group_id
from idp.domain.errors import DirectoryUnavailable, NotFound
from idp.domain.groups import same_dn
from idp.services.groups import GroupFound, find_group
from idp.services.mapping_file import RuleEntry
from idp.services.strict_yaml import MalformedFile


@dataclass(slots=True)
class _LookUp:
    """Each group asked for once; after the first silence of the directory only where nothing else will do."""

    known: dict[str, GroupFound | None] = field(default_factory=dict)
    unavailable: str = ""

    def find(self, wanted: str, *, needed: bool) -> GroupFound | None:
        if wanted not in self.known and (needed or not self.unavailable):
            try:
                self.known[wanted] = find_group(wanted)
            except NotFound:
                self.known[wanted] = None
            except DirectoryUnavailable as error:
                if needed:
                    raise
                self.unavailable = error.cause
        return self.known.get(wanted)


def with_groups(entries: tuple[RuleEntry, ...]) -> tuple[tuple[RuleEntry, ...], list[str]]:
    """The rules with every group's identifier, and what an administrator should look at.

    Refuses a DN that the directory does not know, where that is all the file tells of a group; for such a
    rule the directory must answer, for the others its silence is a warning.
    """
    look_up = _LookUp()
    complete, warnings, problems = [], [], []
    for entry in entries:
        rule = entry.rule
        if rule.group_id is None:
            complete.append(entry)
        elif entry.is_unresolved:
            found = look_up.find(rule.group_dn, needed=True)
            if found is None:
                problems.append(f"{entry.where}.group.dn: the directory has no group {rule.group_dn}")
            else:
                complete.append(RuleEntry(entry.where, replace(rule, group_id=found.group_id)))
        else:
            # In another form than memberships carry it, it would concern nobody: the directory must translate it.
            found = look_up.find(rule.group_id, needed=not can_be_group_id(rule.group_id))
            if found is not None or rule.group_id in look_up.known:
                warnings += _warnings(entry, found)
            complete.append(_with_group(entry, found))
    if problems:
        raise MalformedFile(problems)
    if look_up.unavailable:
        warnings.append(f"groups were not compared, the directory cannot be asked: {look_up.unavailable}")
    return tuple(complete), warnings


def _warnings(entry: RuleEntry, found: GroupFound | None) -> list[str]:
    rule = entry.rule
    if found is None:
        return [
            f"{entry.where}.group.id: the directory has no group {rule.group_id}; this rule concerns nobody"
        ]
    if rule.group_dn and not same_dn(rule.group_dn, found.dn):
        return [
            f"{entry.where}.group: the identifier decides, and is that of {found.dn}, not of {rule.group_dn}"
        ]
    return []


def _with_group(entry: RuleEntry, found: GroupFound | None) -> RuleEntry:
    """The identifier as memberships carry it; the DN stays as it is written, or is the directory's."""
    if found is None:
        return entry
    dn = entry.rule.group_dn or found.dn
    return RuleEntry(entry.where, replace(entry.rule, group_id=found.group_id, group_dn=dn))
