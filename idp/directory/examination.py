"""One directory looked at as an operator would: each thing that must work, tried once, and what came of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import ldap

from idp.conf.directories import DirectoryConfig
from idp.directory import searches
from idp.directory.account_state import STATE_ATTRIBUTES, words
from idp.directory.advice import advice_on
from idp.directory.deadline import Deadline
from idp.directory.entries import immutable_id_of, texts, username_of
from idp.directory.links import Link
from idp.directory.options import person_attributes
from idp.directory.password_policy import Policies
from idp.directory.pool import Pool
from idp.directory.port import ServerAnswer
from idp.directory.searches import RawEntry
from idp.directory.visibility import must_show_state
from idp.domain.errors import DirectoryUnavailable

COUNTED_AT_MOST = 2_000
LOOKED_AT = 5
READABLE = "See that {} is right, and that the service account has the right to read what it names."

Ask = Callable[[Link], list[RawEntry]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried; where it is not well, `result` is LDAP's, if it gave one, and `todo` what to do."""

    what: str
    told: str
    result: str = ""
    todo: str = ""

    @property
    def is_well(self) -> bool:
        """Whether it is as it must be."""
        return not self.todo


@dataclass(frozen=True, slots=True)
class Examination:
    """One directory: its servers one by one, then everything else on whichever of them answers.

    `setting` is the variable that names the servers.
    """

    name: str
    kind: str
    setting: str
    servers: tuple[ServerAnswer, ...]
    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether there is a server, each one answers, and nothing was found amiss."""
        return bool(self.servers) and all(finding.is_well for finding in self.findings)


def examine(
    config: DirectoryConfig, servers: tuple[ServerAnswer, ...], service: Pool, policies: Policies
) -> Examination:
    """Each server, and what is to be found with the service account where one answers."""
    findings = [_server(server, config) for server in servers]
    if any(finding.is_well for finding in findings):
        findings += Examiner(config, service, policies).findings()
    return Examination(config.name, config.kind.value, config.variable("URI"), servers, tuple(findings))


def _server(server: ServerAnswer, config: DirectoryConfig) -> Finding:
    if server.problem:
        todo = "Look at {URI}, {STARTTLS} and {CA_FILE}."
        advice = advice_on(server.problem, config, setting="USER_BASE", todo=todo)
        return Finding(server.uri, server.problem, advice.result, advice.todo)
    return Finding(server.uri, f"answers in {server.milliseconds or 0:.1f} ms; breaker {server.state}")


class Examiner:
    """Asks as the service account, one question after the other."""

    def __init__(self, config: DirectoryConfig, service: Pool, policies: Policies) -> None:
        """Nothing is asked yet."""
        self.policies = policies
        self.config = config
        self.service = service

    def findings(self) -> Iterator[Finding]:
        """Server, account, policy, people, groups."""
        yield self._tried("server", "URI", self._server)
        yield self._tried("account", "BIND_DN", self._account)
        yield self._tried("policy", "USER_BASE", self._policy)
        yield from self._one_after_the_other(
            ("user base", "USER_BASE", lambda: self._is_there(self.config.user_base)),
            ("people", "USER_FILTER", self._people),
            ("their identifiers", "ID_ATTRIBUTE", self._identifiers),
            ("their names", "USERNAME_ATTRIBUTE", self._names),
            ("their state", "BIND_DN", self._states),
        )
        yield from self._one_after_the_other(
            ("group base", "GROUP_BASE", lambda: self._is_there(self.config.group_base)),
            ("groups", "GROUP_FILTER", self._groups),
            ("members", "MEMBER_ATTRIBUTE", self._members),
        )

    def _one_after_the_other(self, *attempts: tuple[str, str, Callable[[], str]]) -> Iterator[Finding]:
        """Up to the first that is amiss: what comes after it would only say the same again."""
        for attempt in attempts:
            found = self._tried(*attempt)
            yield found
            if not found.is_well:
                return

    def _tried(self, what: str, setting: str, attempt: Callable[[], str]) -> Finding:
        try:
            return Finding(what, attempt())
        except DirectoryUnavailable as problem:
            todo = READABLE.format(self.config.variable(setting))
            advice = advice_on(problem.cause, self.config, setting=setting, todo=todo)
            return Finding(what, problem.cause, advice.result, advice.todo)

    # --- each gives what it found; Unavailable says what is amiss -----------------------------------

    def _server(self) -> str:
        wanted = ["vendorName", "vendorVersion", "namingContexts", "dnsHostName", "domainFunctionality"]
        [(_, root), *_] = self._search("", ldap.SCOPE_BASE, "(objectClass=*)", wanted) or [("", {})]
        told = [f"{name}={', '.join(values)}" for name in wanted if (values := texts(root, name))]
        return "; ".join(told) or "says nothing about itself"

    def _account(self) -> str:
        try:
            who: str = self.service.run(lambda link: str(link.whoami_s()))
        except DirectoryUnavailable as problem:
            # RFC 4532 is not everybody's; that the bind was taken is told by everything else.
            if not isinstance(problem.__cause__, ldap.PROTOCOL_ERROR | ldap.UNWILLING_TO_PERFORM):
                raise
            who = ""
        return who or self.config.bind_dn

    def _policy(self) -> str:
        """When wrong passwords lock an account, and what a new password must be like, as far as that can be read."""
        self.policies.renew(None, Deadline.after(self.config.operation_seconds))
        policy = self.policies.known()
        lockout, rules = policy.lockout, policy.rules
        locks = f"locks after {lockout.threshold} wrong passwords" if lockout.threshold else "never locks"
        told = [
            locks if policy.is_read else f"cannot be read; taken to be: {locks}",
            f"forgets one after {lockout.window or 'the right one'}",
            f"lock lasts {lockout.lasts or 'until somebody opens it'}",
        ]
        if policy.is_read:
            told.append(
                f"a new one has at least {rules.shortest} characters{' of several kinds' * rules.complex}"
            )
        return "; ".join(told)

    def _is_there(self, dn: str) -> str:
        self._search(dn, ldap.SCOPE_BASE, "(objectClass=*)", ["1.1"])
        return dn

    def _people(self) -> str:
        return self._count(self.config.user_base, self.config.user_filter, "people")

    def _groups(self) -> str:
        return self._count(self.config.group_base, self.config.group_filter, "groups")

    def _identifiers(self) -> str:
        entries = self._some_people()
        for _, attributes in entries:
            immutable_id_of(attributes, self.config)
        return f"{self.config.id_attribute}, shown by all {len(entries)} looked at"

    def _names(self) -> str:
        """The user name must be readable; of the others it is said how many show them."""
        config, entries = self.config, self._some_people()
        for entry in entries:
            username_of(entry, config)
        further = (config.display_name_attribute, config.mail_attribute, *config.extra_attributes)
        shown = [
            f"{name} by {sum(bool(texts(attributes, name)) for _, attributes in entries)}"
            for name in dict.fromkeys(further)
        ]
        return f"{config.username_attribute}, shown by all {len(entries)} looked at; {', '.join(shown)}"

    def _states(self) -> str:
        """What is hidden of an account would count for it."""
        config, entries = self.config, self._some_people()
        for _, attributes in entries:
            must_show_state(attributes, config)
        shown = sum(any(words(attributes, name) for name in STATE_ATTRIBUTES) for _, attributes in entries)
        return f"something of it shown by {shown} of {len(entries)} looked at"

    def _some_people(self) -> list[RawEntry]:
        return self._some(self.config.user_base, self.config.user_filter, person_attributes(self.config))

    def _members(self) -> str:
        config = self.config
        wanted = [config.id_attribute, config.member_attribute]
        entries = self._some(config.group_base, config.group_filter, wanted)
        for _, attributes in entries:
            immutable_id_of(attributes, config)
        having = sum(
            any(name.partition(";")[0].lower() == config.member_attribute.lower() for name in attributes)
            for _, attributes in entries
        )
        if entries and not having:
            raise DirectoryUnavailable(f"none of {len(entries)} groups shows a {config.member_attribute}")
        return f"of {len(entries)} looked at, {having} show {config.member_attribute}"

    def _count(self, base: str, wanted: str, what: str) -> str:
        found = self._first(base, wanted, ["1.1"], COUNTED_AT_MOST)
        if not found:
            raise DirectoryUnavailable(f"nothing below {base} matches {wanted}")
        return f"{len(found)}{' or more' if len(found) == COUNTED_AT_MOST else ''} {what} match {wanted}"

    def _some(self, base: str, wanted: str, attributes: Sequence[str]) -> list[RawEntry]:
        return self._first(base, wanted, attributes, LOOKED_AT)

    def _first(self, base: str, wanted: str, attributes: Sequence[str], size: int) -> list[RawEntry]:
        seconds = self.config.operation_seconds
        return self.service.run(
            lambda link: searches.first_few(link, base, wanted, attributes, seconds=seconds, size=size)
        )

    def _search(self, base: str, scope: int, wanted: str, attributes: Sequence[str]) -> list[RawEntry]:
        seconds = self.config.operation_seconds
        return self.service.run(
            lambda link: searches.search(link, base, scope, wanted, attributes, seconds=seconds)
        )
