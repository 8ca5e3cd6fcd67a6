"""The limits on sign-ins, answers and accesses as configured, and who may administer and watch."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path

from django.conf import settings

from idp.domain.aws.account_limits import AccountLimits
from idp.domain.aws.signin import PARTITIONS
from idp.domain.password_policy import Lockout


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """Who may read the counters: whoever has the token, this machine, and these networks."""

    token: str = field(repr=False)
    networks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccessConfig:
    """How long answers and sign-ins hold, and who may administer."""

    base_url: str
    demo: bool
    insecure_cookies: bool
    reuse_for: timedelta
    recheck_deadline: timedelta
    sweep_every: timedelta
    idle_for: timedelta
    absolute_for: timedelta
    access_ends_with_sign_in: bool
    renewable_for: timedelta
    broker_is_role: bool
    ends_sessions: bool
    accounts: AccountLimits
    admin_groups: tuple[str, ...]
    password_change: bool
    trusted_proxies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ThrottleConfig:
    """How many wrong passwords are let through, and when a directory that does not tell locks an account."""

    per_person: int
    per_person_known: int
    per_address: int
    per_network: int
    in_total: int
    window: timedelta
    waiting_per_address: int
    waiting_octets_per_address: int
    waiting_octets_in_total: int
    assumed: Lockout


@cache
def partition_file() -> Path | None:
    """Where an operator's file of partitions is, if there is one."""
    return Path(settings.DRAWBRIDGE_PARTITION_FILE) if settings.DRAWBRIDGE_PARTITION_FILE else None


def _partitions_on() -> frozenset[str]:
    """Those that are named, and what the operator's file says of each."""
    named = set(settings.DRAWBRIDGE_PARTITIONS)
    named |= {name for name, known in PARTITIONS.items() if known.enabled}
    return frozenset(named - {name for name, known in PARTITIONS.items() if known.enabled is False})


@cache
def access_config() -> AccessConfig:
    """The limits on sign-ins and answers as configured."""
    return AccessConfig(
        base_url=settings.DRAWBRIDGE_BASE_URL,
        demo=settings.DRAWBRIDGE_DEMO,
        insecure_cookies=settings.DRAWBRIDGE_INSECURE_COOKIES,
        reuse_for=timedelta(seconds=settings.DRAWBRIDGE_DIRECTORY_REUSE_SECONDS),
        recheck_deadline=timedelta(seconds=settings.DRAWBRIDGE_RECHECK_DEADLINE_SECONDS),
        sweep_every=timedelta(seconds=settings.DRAWBRIDGE_SWEEP_SECONDS),
        idle_for=timedelta(seconds=settings.DRAWBRIDGE_SESSION_IDLE_SECONDS),
        absolute_for=timedelta(seconds=settings.DRAWBRIDGE_SESSION_ABSOLUTE_SECONDS),
        access_ends_with_sign_in=settings.DRAWBRIDGE_ACCESS_ENDS_WITH_SIGN_IN,
        renewable_for=timedelta(seconds=settings.DRAWBRIDGE_RENEWAL_SECONDS),
        broker_is_role=settings.DRAWBRIDGE_BROKER_IS_ROLE,
        ends_sessions=bool(settings.DRAWBRIDGE_ENDER_ROLE),
        accounts=AccountLimits(_partitions_on(), settings.DRAWBRIDGE_HUBS),
        admin_groups=settings.DRAWBRIDGE_ADMIN_GROUPS,
        password_change=settings.DRAWBRIDGE_PASSWORD_CHANGE,
        trusted_proxies=settings.DRAWBRIDGE_TRUSTED_PROXIES,
    )


def web_identity_file() -> str | None:
    """The file that describes the issuers whose tokens stand for people; None where there is none."""
    path: str | None = settings.DRAWBRIDGE_WEB_IDENTITY_ISSUERS
    return path


@cache
def throttle_config() -> ThrottleConfig:
    """The budget of wrong passwords as configured."""
    return ThrottleConfig(
        per_person=settings.DRAWBRIDGE_FAILURES_PER_PERSON,
        per_person_known=settings.DRAWBRIDGE_FAILURES_OF_KNOWN_BROWSERS,
        per_address=settings.DRAWBRIDGE_FAILURES_PER_ADDRESS,
        per_network=settings.DRAWBRIDGE_FAILURES_PER_NETWORK,
        in_total=settings.DRAWBRIDGE_FAILURES_IN_TOTAL,
        window=timedelta(minutes=15),
        waiting_per_address=settings.DRAWBRIDGE_WAITING_PER_ADDRESS,
        waiting_octets_per_address=settings.DRAWBRIDGE_WAITING_MEGABYTES_PER_ADDRESS * 1_000_000,
        waiting_octets_in_total=settings.DRAWBRIDGE_WAITING_MEGABYTES_IN_TOTAL * 1_000_000,
        assumed=Lockout(
            threshold=settings.DRAWBRIDGE_LOCKOUT_THRESHOLD,
            window=timedelta(seconds=settings.DRAWBRIDGE_LOCKOUT_WINDOW_SECONDS),
        ),
    )


@cache
def metrics_config() -> MetricsConfig:
    """Who may read the counters, as configured."""
    return MetricsConfig(
        token=settings.DRAWBRIDGE_METRICS_TOKEN,
        networks=settings.DRAWBRIDGE_METRICS_NETWORKS,
    )
