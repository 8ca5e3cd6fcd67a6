"""The mapping as a file: accounts, roles and rules as people write them, read whole before anything is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from idp.domain.aws.account_limits import AccountLimits
from idp.domain.aws.arn import PARTITIONS, ProviderArn, RoleArn, account_grammar, provider_name_grammar
from idp.domain.aws.attributes import MOST_TAGS, check_tag_keys
from idp.domain.aws.duration import UnlawfulLength
from idp.domain.aws.role import AwsRole, MalformedRole, Road
from idp.domain.errors import Malformed, Refused
from idp.domain.groups import normal_group_id, parse_dn
from idp.domain.re2_patterns import LONGEST_PATTERN, MalformedRule
from idp.domain.rules import Effect, Rule
from idp.domain.workload import Workload
from idp.services.strict_yaml import Fields, Problems, read_document

TOP_KEYS = frozenset({"accounts", "roles", "rules"})
ACCOUNT_KEYS = frozenset({"id", "name", "environment", "colour", "partition", "provider", "hub"})
ROLE_KEYS = frozenset({"arn", "longest", "source_identity", "tags", "transitive_tags", "road", "policies"})
RULE_KEYS = frozenset(
    {
        "name", "effect", "group", "workload", "role", "pattern", "base", "account", "role_name", "duration", "from",
        "until", "enabled", "note",
    }
)  # fmt: skip
GROUP_KEYS = frozenset({"id", "dn"})
WORKLOAD_KEYS = frozenset({"issuer", "subject", "claims"})
COLOURS = ("grey", "red", "amber", "green", "blue", "violet")
LONGEST_ARN = 640
LONGEST_DN = 1_000
UNRESOLVED = "unresolved"
USUAL_PROVIDER = "drawbridge"
# What a rule calls a field, and what the file calls it.
FILE_NAMES = {"group_id": "group", "starts_at": "from", "ends_at": "until"}


# IAM knows one role of a name in an account, whatever its path.
Roles = dict[tuple[str, str], AwsRole]


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """One AWS account of the file."""

    number: str
    name: str
    environment: str
    colour: str
    partition: str
    provider: str
    hub: str = ""


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """One rule of the file, lawful but for its group, which may be named by its DN only and so be unresolved."""

    where: str
    rule: Rule

    @property
    def is_unresolved(self) -> bool:
        """Whether the directory must be asked which identifier the group has."""
        return self.rule.group_id == UNRESOLVED


@dataclass(frozen=True, slots=True)
class MappingFile:
    """All that the file says; each part is lawful, and all parts fit together."""

    accounts: tuple[AccountEntry, ...]
    roles: tuple[AwsRole, ...]
    rules: tuple[RuleEntry, ...]


def read_mapping(octets: bytes, *, tag_sources: Mapping[str, str], limits: AccountLimits) -> MappingFile:
    """The file's accounts, roles and rules; refuses with every mistake in it, each with its place."""
    problems = Problems()
    document = read_document(octets, TOP_KEYS, problems)
    accounts: dict[str, AccountEntry] = {}
    for fields in document.entries("accounts", ACCOUNT_KEYS):
        _add_account(fields, accounts, limits)
    roles: Roles = {}
    for fields in document.entries("roles", ROLE_KEYS):
        _add_role(fields, accounts, roles, tag_sources)
    rules: dict[str, RuleEntry] = {}
    for number, fields in enumerate(document.entries("rules", RULE_KEYS), start=1):
        _add_rule(fields, number, accounts, roles, rules)
    problems.refuse_if_any()
    return MappingFile(tuple(accounts.values()), tuple(roles.values()), tuple(rules.values()))


def _add_account(fields: Fields, accounts: dict[str, AccountEntry], limits: AccountLimits) -> None:
    number = fields.text("id", longest=12, default=None)
    if number and not account_grammar.fullmatch(number):
        fields.problem("id", "must be 12 digits in quotes")
    elif number in accounts:
        fields.problem("id", f"{number} stands in the file twice")
    partition, hub = fields.choice("partition", PARTITIONS, default=""), _role_arn(fields, "hub")
    if partition in PARTITIONS and (problem := limits.partition_problem(partition)):
        fields.problem("partition", problem)
    if hub is not None and (problem := limits.hub_problem(hub)):
        fields.problem("hub", problem)
    account = AccountEntry(
        number=number,
        name=fields.text("name", longest=100, default=None),
        environment=fields.text("environment", longest=40, default=None),
        colour=fields.choice("colour", COLOURS, default=""),
        partition=partition,
        provider=_provider(fields),
        hub=str(hub or ""),
    )
    if account_grammar.fullmatch(number):
        accounts.setdefault(number, account)


def _provider(fields: Fields) -> str:
    name = fields.text("provider", longest=128, default=USUAL_PROVIDER)
    if provider_name_grammar.fullmatch(name):
        return name
    fields.problem("provider", "must be 1 to 128 of A-Z a-z 0-9 . _ -")
    return USUAL_PROVIDER


def _add_role(
    fields: Fields,
    accounts: dict[str, AccountEntry],
    roles: Roles,
    tag_sources: Mapping[str, str],
) -> None:
    arn = _role_arn(fields, "arn", required=True)
    account = accounts.get(arn.account) if arn is not None else None
    if arn is None:
        return
    if account is None:
        fields.problem("arn", f"account {arn.account} is not among the accounts of the file")
        return
    if (arn.account, arn.name) in roles:
        fields.problem("arn", f"role {arn.name} of account {arn.account} stands in the file twice")
        return
    try:
        tags = fields.texts("tags", longest=128)
        check_tag_keys(tags, allowed=tag_sources)
    except Refused as error:
        fields.problem(
            "tags", f"{error.cause}; allowed are {', '.join(tag_sources) or 'none'} (at most {MOST_TAGS})"
        )
        tags = ()
    longest = fields.length("longest", default=timedelta(hours=1))
    try:
        roles[arn.account, arn.name] = AwsRole(
            arn=arn,
            provider=ProviderArn(account.partition, account.number, account.provider),
            account_name=account.name,
            environment=account.environment,
            colour=account.colour,
            longest=longest if longest is not None else timedelta(hours=1),
            source_identity=fields.flag("source_identity", default=False),
            tags=tags,
            transitive_tags=fields.texts("transitive_tags", longest=128),
            road=Road(fields.choice("road", tuple(Road), default="")),
            hub=RoleArn.parse(account.hub) if account.hub else None,
            policies=fields.texts("policies", longest=LONGEST_ARN),
        )
    except UnlawfulLength as error:
        fields.problem("longest", error.told)
    except MalformedRole as error:
        fields.problem(error.field if error.field in ROLE_KEYS else "arn", error.told)
    except Malformed as error:
        fields.problem("arn", error.told)


def _add_rule(
    fields: Fields,
    number: int,
    accounts: dict[str, AccountEntry],
    roles: Roles,
    rules: dict[str, RuleEntry],
) -> None:
    before = len(fields.problems.found)
    name = fields.text("name", longest=100, default=None)
    if name in rules:
        fields.problem("name", f"{name!r} stands in the file twice")
    role = _role_arn(fields, "role")
    if role is not None:
        registered = roles.get((role.account, role.name))
        if registered is None or registered.arn != role:
            fields.problem("role", f"{role} is not among the roles of the file")
        elif fields.has("workload") and registered.road is not Road.WEB_IDENTITY:
            fields.problem(
                "role", f"{role} has the road {registered.road}: workloads take roles by web-identity"
            )
    account = fields.text("account", longest=12) or None
    if account is not None and account not in accounts:
        fields.problem("account", f"{account} is not among the accounts of the file")
    try:
        rule = _rule(fields, number, name, role, account)
    except MalformedRule as error:
        problem = (FILE_NAMES.get(error.field, error.field), error.told)
    except UnlawfulLength as error:
        problem = ("duration", error.told)
    else:
        rules[name] = RuleEntry(fields.where, rule)
        return
    # A value that could not be read has told its own problem; what follows from it would only confuse.
    if len(fields.problems.found) == before:
        fields.problem(*problem)


def _rule(fields: Fields, number: int, name: str, role: RoleArn | None, account: str | None) -> Rule:
    group_id, group_dn = _group(fields)
    return Rule(
        number=number,
        name=name,
        effect=Effect(fields.choice("effect", tuple(Effect), default="")),
        group_id=group_id,
        group_dn=group_dn,
        role=role,
        pattern=fields.text("pattern", longest=512) or None,
        base=fields.text("base", longest=LONGEST_DN) or None,
        account=account,
        role_name=fields.text("role_name", longest=64) or None,
        duration=fields.length("duration", default=None),
        starts_at=fields.moment("from"),
        ends_at=fields.moment("until"),
        enabled=fields.flag("enabled", default=True),
        note=fields.text("note", longest=2_000, lines=True),
        workload=_workload(fields),
    )


def _workload(fields: Fields) -> Workload | None:
    named = fields.fields("workload", WORKLOAD_KEYS)
    if named is None:
        return None
    return Workload(
        issuer=named.text("issuer", longest=255, default=None),
        subject=named.text("subject", longest=255) or None,
        claims=tuple(sorted(named.pairs("claims", longest=LONGEST_PATTERN).items())),
    )


def _group(fields: Fields) -> tuple[str | None, str]:
    group = fields.fields("group", GROUP_KEYS)
    if group is None:
        return None, ""
    written, dn = group.text("id", longest=100), group.text("dn", longest=LONGEST_DN)
    if not written and not dn:
        group.problem("", "needs an id, or a dn by which the directory finds it")
    try:
        if dn:
            parse_dn(dn)
    except Malformed as error:
        group.problem("dn", error.told)
    try:
        return (normal_group_id(written) if written else UNRESOLVED), dn
    except Malformed as error:
        group.problem("id", error.told)
        return None, dn


def _role_arn(fields: Fields, name: str, *, required: bool = False) -> RoleArn | None:
    text = fields.text(name, longest=LONGEST_ARN, default=None if required else "")
    if not text:
        return None
    try:
        return RoleArn.parse(text)
    except Malformed as error:
        fields.problem(name, error.told)
        return None
