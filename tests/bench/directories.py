"""Large directories: what a person in 2,000 groups, eight levels deep, costs us, the servers and their time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median

from idp.conf.directories import DirectoryConfig, GroupMethod, directory_config
from idp.directory.ldap_directory import LdapDirectory
from tests.bench.measuring import in_turns
from tests.bench.stage import Stage
from tests.bench.table import Row
from tests.servers.large import BUSY, LargeSlapd, large_company, let_in, load_large_domain
from tests.servers.operations import counted_operations
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.samba import active_directory_settings, free_copies
from tests.servers.slapd import RIGHT_PASSWORD, directory_settings, settings_changed

LIMIT = "4 questions"
# What takes seconds each time is not waited for so often.
PATIENCE_SECONDS = 15


def openldap(stage: Stage) -> Iterator[Row]:
    """A sign-in on OpenLDAP, the nesting of all groups read for it or remembered."""
    effort = stage.effort
    company = large_company(effort.people, effort.groups)
    with (
        LargeSlapd(stage.folder / "large-slapd", ldif=company) as slapd,
        settings_changed(**directory_settings(slapd)),
    ):
        config = directory_config()
        where = f"OpenLDAP, {effort.people:,} people, {effort.groups:,} groups"
        for told, seconds in (("nesting read", 0), ("remembered", 60)):
            yield sign_in(
                f"{where}, {told}", replace(config, reuse_seconds=seconds), RIGHT_PASSWORD, stage, LIMIT
            )


def active_directory(stage: Stage) -> Iterator[Row]:
    """A sign-in in Active Directory by each of the three methods."""
    groups = stage.effort.domain_groups
    folder = stage.folder / "large-domain"
    dc = load_large_domain(stage.domain, folder, groups=groups, address=next(free_copies))
    with dc, settings_changed(**active_directory_settings(dc)):
        let_in(dc)
        # The in-chain rule takes longer than anybody would be let wait.
        config = replace(directory_config(), reuse_seconds=0, operation_seconds=60.0, sign_in_seconds=120.0)
        where = f"AD, {groups:,} groups"
        yield sign_in(f"{where}, token groups, no names", config, AD_PASSWORD, stage, LIMIT, names=False)
        yield sign_in(f"{where}, token groups and names", config, AD_PASSWORD, stage, LIMIT)
        remembering = replace(config, reuse_seconds=60)
        yield sign_in(f"{where}, names remembered", remembering, AD_PASSWORD, stage, LIMIT)
        for method in (GroupMethod.WALK, GroupMethod.IN_CHAIN):
            yield sign_in(f"{where}, {method}", replace(config, group_method=method), AD_PASSWORD, stage)


def sign_in(
    name: str,
    config: DirectoryConfig,
    password: str,
    stage: Stage,
    limit: str = "",
    *,
    names: bool = True,
) -> Row:
    """Our CPU time for one sign-in; its operations and the median of its seconds stand beside it."""
    directory = LdapDirectory(config)

    def once() -> int:
        identity = directory.check_password(BUSY, password, now=datetime.now(UTC), names=names)
        return len(identity.groups)

    began = time.monotonic()
    groups = once()
    spent = time.monotonic() - began
    with counted_operations() as counted:
        once()
    turns = max(1, min(stage.effort.turns, round(PATIENCE_SECONDS / max(spent, 0.001))))
    spans: list[float] = []
    cpu, units = in_turns(lambda: timed(once, spans), replace(stage.effort, turns=turns))
    told = f"{counted.operations} questions, {median(spans) * 1e3:,.0f} ms in all; {groups:,} groups of one person"
    return Row(f"sign-in, {name}", cpu, units, limit, f"this process; {told}")


def timed(operation: Callable[[], object], spans: list[float]) -> float:
    """CPU time of this process; how long it took is added to the spans."""
    began, cpu = time.perf_counter(), time.process_time()
    operation()
    spans.append(time.perf_counter() - began)
    return time.process_time() - cpu
