"""Large directories: what a person in 2,000 groups, eight levels deep, costs us, the servers and their time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.servers.large import BUSY, LargeSlapd, large_company, let_in, load_large_domain
from tests.servers.operations import counted_operations
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.samba import active_directory_settings, free_copies, laid_out_template
from tests.servers.slapd import RIGHT_PASSWORD, directory_settings, settings_changed

if TYPE_CHECKING:
    from idp.conf import DirectoryConfig

PEOPLE, GROUPS = 100_000, 10_000
TIMES = 5

Figure = tuple[str, float, str]


def directory_figures(folder: Path) -> list[Figure]:
    """Rows of name, CPU seconds of this process, and what stands beside them."""
    return [*openldap_figures(folder / "slapd"), *active_directory_figures(folder)]


def openldap_figures(folder: Path) -> Iterator[Figure]:
    """A sign-in on OpenLDAP, the nesting of all groups read for it or remembered."""
    from idp.conf import directory_config  # noqa: PLC0415 - Django's settings are there only now

    with (
        LargeSlapd(folder, ldif=large_company(PEOPLE, GROUPS)) as slapd,
        settings_changed(**directory_settings(slapd)),
    ):
        config = directory_config()
        where = f"OpenLDAP, {PEOPLE:,} people, {GROUPS:,} groups"
        yield sign_in(f"{where}, nesting read", replace(config, reuse_seconds=0), RIGHT_PASSWORD)
        yield sign_in(f"{where}, remembered", replace(config, reuse_seconds=60), RIGHT_PASSWORD)


def active_directory_figures(folder: Path) -> Iterator[Figure]:
    """A sign-in in Active Directory by each of the three methods."""
    from idp.conf import GroupMethod, directory_config  # noqa: PLC0415 - likewise

    template = laid_out_template(folder / "template")
    dc = load_large_domain(template, folder / "domain", groups=GROUPS, address=next(free_copies))
    with dc, settings_changed(**active_directory_settings(dc)):
        let_in(dc)
        # The in-chain rule takes longer than anybody would be let wait.
        config = replace(directory_config(), reuse_seconds=0, operation_seconds=60.0, sign_in_seconds=120.0)
        where = f"Active Directory, {GROUPS:,} groups"
        yield sign_in(f"{where}, token groups without names", config, AD_PASSWORD, names=False)
        yield sign_in(f"{where}, token groups with names", config, AD_PASSWORD)
        remembering = replace(config, reuse_seconds=60)
        yield sign_in(f"{where}, token groups, names remembered", remembering, AD_PASSWORD)
        for method in (GroupMethod.WALK, GroupMethod.IN_CHAIN):
            yield sign_in(f"{where}, {method}", replace(config, group_method=method), AD_PASSWORD)


def sign_in(name: str, config: "DirectoryConfig", password: str, *, names: bool = True) -> Figure:
    """Our CPU time for one sign-in; its operations and the median of its seconds stand beside it."""
    from idp.directory.ldap_directory import LdapDirectory  # noqa: PLC0415 - likewise

    directory = LdapDirectory(config)

    def once() -> int:
        identity = directory.check_password(BUSY, password, now=datetime.now(UTC), names=names)
        return len(identity.groups)

    groups = once()
    with counted_operations() as counted:
        once()
    cpu, seconds = timed(once)
    remark = f"{groups:,} groups, {counted.operations} operations, {seconds * 1e3:,.0f} ms in all"
    return f"sign-in, {name}", cpu, remark


def timed(operation: Callable[[], object]) -> tuple[float, float]:
    """The medians of CPU time and of time."""
    cpus, spans = [], []
    for _ in range(TIMES):
        began, cpu = time.perf_counter(), time.process_time()
        operation()
        cpus.append(time.process_time() - cpu)
        spans.append(time.perf_counter() - began)
    return median(cpus), median(spans)
