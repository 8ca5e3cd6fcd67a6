"""Domain values with good defaults, and random ones for properties."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from idp.domain.aws.arn import ProviderArn, RoleArn
from idp.domain.aws.role import AwsRole
from idp.domain.identity import AccountState, DirectoryIdentity, GroupMembership
from idp.domain.rules import Effect, Rule

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BASE = "ou=aws,ou=groups,dc=example,dc=test"
ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
PATTERN = r"AWS-(?P<account>[0-9]{12})-(?P<role>[A-Za-z0-9+=,.@_-]{1,64})"


def arn(name: str = "ReadOnly", account: str = ACCOUNT) -> RoleArn:
    return RoleArn("aws", account, "/", name)


def role(name: str = "ReadOnly", account: str = ACCOUNT, **changes: Any) -> AwsRole:
    values: dict[str, Any] = {
        "arn": arn(name, account),
        "provider": ProviderArn("aws", account, "drawbridge"),
        "account_name": "Payments production",
        "environment": "production",
        "colour": "red",
        "longest": timedelta(hours=4),
    }
    return AwsRole(**(values | changes))


def exact(number: int = 1, group_id: str = "g1", **changes: Any) -> Rule:
    values: dict[str, Any] = {
        "number": number,
        "name": f"exact {number}",
        "effect": Effect.ALLOW,
        "group_id": group_id,
        "role": arn(),
    }
    return Rule(**(values | changes))


def by_name(number: int = 1, pattern: str = PATTERN, **changes: Any) -> Rule:
    values: dict[str, Any] = {
        "number": number,
        "name": f"pattern {number}",
        "effect": Effect.ALLOW,
        "pattern": pattern,
        "base": BASE,
    }
    return Rule(**(values | changes))


def group(group_id: str = "g1", dn: str | None = None) -> GroupMembership:
    name = dn if dn is not None else f"cn={group_id},{BASE}"
    return GroupMembership(group_id, name, (name,))


def person(*groups: GroupMembership, **changes: Any) -> DirectoryIdentity:
    values: dict[str, Any] = {
        "directory": "directory",
        "immutable_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "username": "jane",
        "dn": "uid=jane,ou=people,dc=example,dc=test",
        "display_name": "Jane Doe",
        "mail": "jane@example.test",
        "state": AccountState.ENABLED,
        "groups": groups,
        "asked_at": NOW,
    }
    return DirectoryIdentity(**(values | changes))


# --- random mappings: few names, so that rules meet, overlap and contradict each other often ----------

NAMES = ("ReadOnly", "Admin", "Admin2")
ACCOUNTS = (ACCOUNT, OTHER_ACCOUNT)
GROUP_IDS = ("g1", "g2", "g3", "g4")
ROLES = tuple(role(name, account) for account in ACCOUNTS for name in NAMES)

groups = st.one_of(
    st.sampled_from(GROUP_IDS).map(group),
    st.builds(
        lambda account, name, parent: group(
            f"n-{account}-{name}".lower(), f"cn=AWS-{account}-{name},{parent}"
        ),
        st.sampled_from((*ACCOUNTS, "999999999999")),
        st.sampled_from((*NAMES, "Nobody")),
        st.sampled_from((BASE, f"ou=inner,{BASE}", "ou=elsewhere,dc=example,dc=test")),
    ),
)
group_sets = st.lists(groups, max_size=8, unique_by=lambda one: (one.group_id, one.dn))
moments = st.sampled_from((None, NOW - timedelta(days=2), NOW - timedelta(days=1)))
later = st.sampled_from((None, NOW, NOW + timedelta(days=1)))
lengths = st.sampled_from((None, timedelta(minutes=15), timedelta(hours=1), timedelta(hours=12)))
effects = st.sampled_from(Effect)
common = {
    "effect": effects,
    "duration": lengths,
    "starts_at": moments,
    "ends_at": later,
    "enabled": st.booleans(),
}
exact_rules = st.fixed_dictionaries(
    common | {"group_id": st.sampled_from(GROUP_IDS), "role": st.sampled_from([one.arn for one in ROLES])}
)
pattern_rules = st.fixed_dictionaries(
    common
    | {
        "base": st.sampled_from((BASE, f"ou=inner,{BASE}")),
        "shape": st.sampled_from(
            (
                {"pattern": PATTERN},
                {"pattern": r"AWS-(?P<account>[0-9]{12})-Admin", "role_name": "Admin"},
                {"pattern": r"AWS-111122223333-(?P<role>.+)", "account": ACCOUNT},
                {"pattern": r"AWS-.*-ReadOnly", "role": arn()},
                {"pattern": r"(?i)aws-[0-9]+-admin2?", "role": arn("Admin2", OTHER_ACCOUNT)},
            )
        ),
    }
).map(lambda values: {name: value for name, value in values.items() if name != "shape"} | values["shape"])
rule_lists = st.lists(st.one_of(exact_rules, pattern_rules), max_size=10).map(
    lambda found: [Rule(number=number, name=str(number), **values) for number, values in enumerate(found, 1)]
)
