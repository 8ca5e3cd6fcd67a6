"""Everything that must be well for people to get into AWS, each part with what to do where it is not."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.core.checks import run_checks
from django.db import DatabaseError

from idp.domain.aws.role import AwsRole, Road
from idp.domain.errors import Refused, Unavailable
from idp.services.check_directory import check_directory
from idp.services.health import broker_cause, clock_health, database_cause, tables_are_there
from idp.services.keys import key_status
from idp.services.provider_certificates import ending_certificates
from idp.services.provider_listing import ailing_providers
from idp.services.regions import Endpoint, EndpointView, known_regions
from idp.services.rules import current_rules
from idp.services.sweep_people import sweep_is_late
from idp.services.token_issuers import issuers_problem
from sts_bridge.aws.clients import broker_is_temporary
from sts_bridge.aws.sts import ask_sts, who_is_the_broker
from sts_bridge.conf import BridgeConfig, bridge_config
from sts_bridge.domain.regions import regions_in_order, sts_region

# AWS names no tolerance. Ours is the minute by which statements are dated back; half of it is the alarm.
CLOCK_TOLERANCE = timedelta(seconds=30)
HOME_PARTITION = "aws"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: well where `cause` is empty; `advice` says what to do, `remark` what was seen."""

    part: str
    cause: str = ""
    advice: str = ""
    remark: str = ""

    @property
    def is_well(self) -> bool:
        """Whether nothing needs to be done."""
        return not self.cause


def examine(*, now: datetime) -> tuple[Finding, ...]:
    """Every part as it is now, each within its own time limit; nothing is changed."""
    # The clocks are compared first: what follows may take its time, and `now` grows old.
    own_clock = clock_health(now=now)
    aws = tuple(aws_findings(now=now))
    return (
        *settings_findings(),
        *database_findings(),
        Finding(
            "clock of the database", own_clock.cause, "Set both clocks by NTP.", "no more than 30 s apart"
        ),
        Finding("broker", broker_cause(), "Is Redis running, and does REDIS_URL lead to it?"),
        signing_key_finding(now=now),
        *directory_findings(now=now),
        *sweep_findings(now=now),
        *provider_findings(now=now),
        *issuer_findings(),
        *aws,
    )


def settings_findings() -> Iterator[Finding]:
    """What the start-up checks find; an error among them stops the web server from starting."""
    problems = [
        problem for problem in run_checks(include_deployment_checks=True) if not problem.is_silenced()
    ]
    for problem in problems:
        yield Finding(f"settings {problem.id}", str(problem.msg), str(problem.hint or ""))
    if not problems:
        yield Finding("settings", remark="every start-up check passes")


def database_findings() -> Iterator[Finding]:
    """Whether the database answers and has the tables of this release."""
    cause = database_cause()
    yield Finding("database", cause, "Is the server running, and does DATABASE_URL lead to it?")
    if not cause and not tables_are_there():
        yield Finding("tables", "are not those of this release", "Run `manage.py migrate`.")


def signing_key_finding(*, now: datetime) -> Finding:
    """Whether statements can be signed, and for how long."""
    status = key_status(now=now)
    remark = f"certificate valid for {status.days_left} days" if status.days_left is not None else ""
    return Finding("signing key", status.cause, status.hint, status.warning or remark)


def directory_findings(*, now: datetime) -> Iterator[Finding]:
    """Of each directory: are its servers' names known, and does all that it must be able to do work?"""
    for one in check_directory(name=None, now=now).directories:
        if not one.servers:
            yield Finding(one.name, "no server is named", f"Set {one.setting}.")
        for server in one.servers:
            host = urlsplit(server.uri).hostname
            if host:
                yield name_finding(host)
        for finding in one.findings:
            problem = "" if finding.is_well else finding.told
            yield Finding(f"{one.name}: {finding.what}", problem, finding.todo, remark=finding.told)


def sweep_findings(*, now: datetime) -> Iterator[Finding]:
    """Whether somebody who leaves would be found without a click: are worker and timetable running?"""
    if database_cause():
        return
    late = sweep_is_late(now=now)
    seen = f"nobody has been asked about for {late.total_seconds():.0f} s" if late else ""
    yield Finding("sweep", seen, "Are the worker and the timetable running, and can the worker reach Redis?")


def provider_findings(*, now: datetime) -> Iterator[Finding]:
    """Each service provider whose metadata cannot be read or will soon be believed no more, or whose own key ends."""
    if database_cause() or not tables_are_there():
        return
    for name, cause in ailing_providers(now=now):
        advice = "See `manage.py service_provider show`, and `refresh` where its metadata has an address."
        yield Finding(f"service provider {name}", cause, advice)
    for ending in ending_certificates(now=now):
        # What will end, and what metadata will bring by itself, is no illness yet.
        is_ill = ending.is_over and not ending.is_milder
        advice = "Ask the service for its new certificate, and enter it beside or in place of this one."
        yield Finding(
            f"service provider {ending.name}", ending.told if is_ill else "", advice, remark=ending.told
        )


def issuer_findings() -> Iterator[Finding]:
    """Whether the file of token issuers can be read as it is now, where there is one."""
    problem = issuers_problem()
    if problem is None:
        return
    advice = "Correct it: running processes go on with what they read before, and none starts with it."
    yield Finding("token issuers", problem, advice, remark="the file is read")


def aws_findings(*, now: datetime) -> Iterator[Finding]:
    """Of STS in each partition that has registered roles: name, answer, and how far our clocks are apart."""
    config = bridge_config()
    for partition in partitions_in_use():
        for region in regions_in_order(partition, preferred=config.sts_regions):
            yield from sts_findings(partition, region, now=now, config=config)
        yield from sign_in_findings(partition, config=config)
    yield from broker_findings(config)


def broker_findings(config: BridgeConfig) -> Iterator[Finding]:
    """Of the broker, where something needs it: who it is in AWS, and whether it is what the settings say of it."""
    roads = {role.road for role in _registered_roles()}
    if roads <= {Road.SAML, Road.WEB_IDENTITY} and not (config.ender_role or config.reader_role):
        return
    others = [name for name in partitions_in_use()[1:] if name in config.broker_profiles]
    try:
        for partition in (partitions_in_use()[0], *others):
            region = sts_region(partition, preferred=config.sts_regions)
            who = who_is_the_broker(region=region, config=config)
            yield Finding("broker in AWS", remark=who)
        is_session = broker_is_temporary(config)
    except (Refused, Unavailable) as problem:
        advice = "Set DRAWBRIDGE_BROKER_ACCESS_KEY_ID or _PROFILE, or AWS's own variables; chapter 6, Roads."
        yield Finding("broker in AWS", problem.cause, advice)
        return
    if is_session != config.broker_is_role:
        told = "its credentials are a session's" if is_session else "its credentials are long-term ones"
        advice = f"Set DRAWBRIDGE_BROKER_IS_ROLE={str(is_session).lower()}: it decides which hour is told to people."
        yield Finding("broker in AWS", f"{told}, and DRAWBRIDGE_BROKER_IS_ROLE says otherwise", advice)


def _registered_roles() -> tuple[AwsRole, ...]:
    try:
        return tuple(current_rules().roles.values())
    except (DatabaseError, Refused, Unavailable):
        return ()


def sts_findings(partition: str, region: str, *, now: datetime, config: BridgeConfig) -> Iterator[Finding]:
    """Of STS in one region: name, answer, and how far our clocks are apart."""
    endpoint = config.endpoint_of("sts", region)
    where = endpoint or f"AWS in {region}"
    if endpoint is not None:
        yield name_finding(urlsplit(endpoint).hostname or "")
    try:
        their_clock = ask_sts(region=region, config=config)
    except Unavailable as problem:
        told = f"{where} does not answer: {problem.cause}"
        if by := switched_off_by(region, Endpoint.STS):
            yield Finding(f"STS of {partition}", remark=f"{told}; switched off by {by}")
            return
        yield Finding(
            f"STS of {partition}",
            told,
            "May this machine connect to it by https? A proxy is named in HTTPS_PROXY.",
        )
    else:
        by = switched_off_by(region, Endpoint.STS)
        remark = f"{where} answers{f'; switched off by {by}' if by else ''}"
        yield Finding(f"STS of {partition}", remark=remark)
        yield clock_finding(now=now, their_clock=their_clock, partition=partition)


def sign_in_findings(partition: str, *, config: BridgeConfig) -> Iterator[Finding]:
    """Of each sign-in that is configured: as the probes saw it, because this machine may not be let there."""
    for region in regions_in_order(partition, preferred=config.signin_regions):
        part = f"sign-in of {partition}"
        if by := switched_off_by(region, Endpoint.SIGN_IN):
            yield Finding(part, remark=f"{region} is switched off by {by}")
            continue
        view = _known_region(region).get(Endpoint.SIGN_IN)
        if view is not None and not view.is_well:
            cause = f"{region} did not answer when last probed: {view.problem}"
            yield Finding(part, cause, "May this machine connect to it by https? See `manage.py regions`.")


def switched_off_by(region: str, endpoint: Endpoint) -> str:
    """Who has taken this endpoint of the region out of use; empty where nobody has."""
    view = _known_region(region).get(endpoint)
    return "" if view is None else view.switched_off_by


def _known_region(region: str) -> dict[Endpoint, EndpointView]:
    try:
        return known_regions().get(region, {})
    except DatabaseError:
        return {}


def clock_finding(*, now: datetime, their_clock: datetime, partition: str) -> Finding:
    """Whether our clock agrees with AWS's, which decides when a statement is too young or too old."""
    apart = abs(now - their_clock)
    seen = f"{apart.total_seconds():.0f} s apart from the clock of STS in {partition}"
    return Finding("clock", seen if apart > CLOCK_TOLERANCE else "", "Set the clock by NTP.", remark=seen)


def name_finding(host: str) -> Finding:
    """Whether the name leads to an address."""
    try:
        addresses = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError) as error:
        return Finding(
            f"DNS {host}", f"no address ({type(error).__name__})", "Is the name right, and /etc/resolv.conf?"
        )
    return Finding(f"DNS {host}", remark=", ".join(sorted(addresses)))


def partitions_in_use() -> tuple[str, ...]:
    """The partitions of the registered roles; the first one where none is registered or can be read."""
    try:
        found = {arn.partition for arn in current_rules().roles}
    except (DatabaseError, Refused, Unavailable):
        found = set()
    return tuple(sorted(found)) or (HOME_PARTITION,)
