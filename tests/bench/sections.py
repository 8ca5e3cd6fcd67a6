"""The sections of the table, in their order; those over HTTP share one site."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.bench import (
    clicks,
    directories,
    entitlements,
    growth,
    local_aws,
    services,
    sessions,
    signing,
    workers,
)
from tests.bench.stage import Stage
from tests.bench.table import Row


@dataclass(frozen=True)
class Section:
    """One part of the table; `minutes` is what it took on two cores that had much other work."""

    name: str
    title: str
    minutes: float
    figures: Callable[[Stage], Iterator[Row]]


SECTIONS = (
    Section("signing", "A statement alone: built, canonicalised, signed", 0.3, signing.figures),
    Section("entitlements", "Which roles somebody has, by 10,000 rules", 0.3, entitlements.figures),
    Section("sign-in", "A sign-in at the portal", 1, clicks.sign_in),
    Section("click", "A click on a role, for AWS", 1, clicks.console_click),
    Section("credentials", "Temporary credentials through the bridge", 0.5, clicks.credentials),
    Section("services", "Any other service provider, its requests signed", 2, services.figures),
    Section("workers", "One and two worker processes: clicks per second, memory", 4, workers.figures),
    Section("growth", "What a click costs with much on record", 6, growth.figures),
    Section("openldap", "A large OpenLDAP", 1.5, directories.openldap),
    Section("active-directory", "A large Active Directory", 5, directories.active_directory),
    Section("sessions", "Accesses on record, few and many", 3, sessions.rows),
    Section("local-aws", "The local AWS beside moto", 1, local_aws.figures),
)
