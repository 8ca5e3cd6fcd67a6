"""What one typed name looks like in one directory, step by step: for the operator who asks why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from idp.conf.directories import DirectoryConfig
from idp.directory.account_state import STATE_ATTRIBUTES, state_of, words
from idp.directory.advice import advice_on
from idp.directory.examination import Finding
from idp.directory.searches import RawEntry
from idp.directory.typed_names import TypedName, person_filter
from idp.directory.visibility import must_show_state
from idp.domain.errors import DirectoryUnavailable
from idp.domain.identity import AccountState, DirectoryIdentity

PeopleNamed = Callable[[TypedName], list[RawEntry]]
IdentityOfEntry = Callable[[RawEntry], DirectoryIdentity]


@dataclass(frozen=True, slots=True)
class PersonLook:
    """The steps in their order; the later ones are empty where an earlier one led no further.

    `is_claimed` tells whether the domain in the name is one of this directory's. `decided_by` holds the
    attributes from which the state of the account is read, as they stand in the entry.
    """

    directory: str
    is_claimed: bool
    base: str
    filter_text: str
    group_method: str
    found: tuple[str, ...] = ()
    state: AccountState | None = None
    decided_by: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    identity: DirectoryIdentity | None = None
    problem: Finding | None = None


def look_for(
    typed: TypedName,
    config: DirectoryConfig,
    people_named: PeopleNamed,
    identity_of_entry: IdentityOfEntry,
    *,
    now: datetime,
) -> PersonLook:
    """Whom the name means in this directory, and what is read of them as far as that can be read."""
    look = PersonLook(
        config.name,
        typed.belongs_to(config),
        config.user_base,
        person_filter(typed, config),
        config.group_method.value,
    )
    try:
        meant = people_named(typed)
        look = replace(look, found=tuple(dn for dn, _ in meant))
        if len(meant) != 1:
            return look
        attributes = meant[0][1]
        must_show_state(attributes, config)
        shown = {name: tuple(words(attributes, name)) for name in STATE_ATTRIBUTES}
        look = replace(
            look,
            state=state_of(attributes, now=now),
            decided_by=MappingProxyType({name: values for name, values in shown.items() if values}),
        )
        identity = identity_of_entry(meant[0])
        # With the lockout of the policy, which the entry alone does not tell.
        return replace(look, state=identity.state, identity=identity)
    except DirectoryUnavailable as problem:
        setting = "GROUP_BASE" if look.found else "USER_BASE"
        todo = "See that the service account may read this attribute of the entry."
        advice = advice_on(problem.cause, config, setting=setting, todo=todo)
        return replace(look, problem=Finding("person", problem.cause, advice.result, advice.todo))
