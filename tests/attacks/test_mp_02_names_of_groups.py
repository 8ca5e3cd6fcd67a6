"""MP-02: names that only resemble, and captures that are no names, give no role."""

import pytest

from idp.domain.entitlements import RuleBook, entitlements
from tests.unit.idp.domain.made_up import ACCOUNT, BASE, NOW, by_name, group, person, role

pytestmark = pytest.mark.attack("MP-02")

ROLES = [role("Admin"), role("Admin2"), role("Ops,Night")]
LOOSE = r"AWS-(?P<account>.*?)-(?P<role>.*)"


def roles_of(dn: str, pattern: str) -> list[str]:
    book = RuleBook(version=1, roles=ROLES, rules=[by_name(1, pattern)])
    return [given.role.arn.name for given in entitlements(person(group("g1", dn)), book, now=NOW)]


@pytest.mark.parametrize(
    "name",
    [
        f"XAWS-{ACCOUNT}-Admin",
        f"AWS-{ACCOUNT}-Admin3",
        f"AWS-{ACCOUNT}-Adm",
        f"AWS-{ACCOUNT}-Admin\\0a",
        f"AWS-{ACCOUNT}-Admin\\0d\\0a",
        f"\\0aAWS-{ACCOUNT}-Admin",
        f"AWS-{ACCOUNT}-",
        "AWS--Admin",
        f"AWS-{ACCOUNT}-../Admin",
        f"AWS-{ACCOUNT}-/Admin",
        f"AWS-{ACCOUNT}-path/Admin",
        f"AWS-{ACCOUNT}-Admin\\,x",
        f"AWS-{ACCOUNT}-*",
        "AWS-*-Admin",
        f"AWS-arn:aws:iam::{ACCOUNT}:role/Admin-Admin",
        f"AWS-{ACCOUNT}-arn:aws:iam::{ACCOUNT}:role/Admin",
        f"AWS-{ACCOUNT}-Admin\\00",
        f"AWS-{ACCOUNT}-admin",
        f"aws-{ACCOUNT}-Admin",
        f"AWS-{ACCOUNT[:-1]}-Admin",
        f"AWS-{ACCOUNT}0-Admin",
        f"AWS-{ACCOUNT}-\N{CYRILLIC CAPITAL LETTER A}dmin",
        f"AWS-{ACCOUNT}-Admin\N{ZERO WIDTH SPACE}",
        f"AWS-{ACCOUNT}-Admin\\20",
    ],
)
def test_a_name_that_only_resembles_gives_no_role(name: str) -> None:
    """Prefix, suffix, blanks, breaks, wildcards and paths: even a pattern without any care gives nothing."""
    careful = r"AWS-(?P<account>[0-9]{12})-(?P<role>[A-Za-z0-9+=,.@_-]{1,64})"
    for pattern in (LOOSE, careful):
        assert roles_of(f"cn={name},{BASE}", pattern) == []
        assert roles_of(f"cn=AWS-{ACCOUNT}-Admin,{BASE}", pattern) == ["Admin"]


def test_a_longer_name_is_another_role() -> None:
    """`…-Admin2` is not `…-Admin`, and a comma is part of a name."""
    assert roles_of(f"cn=AWS-{ACCOUNT}-Admin2,{BASE}", LOOSE) == ["Admin2"]
    assert roles_of(f"cn=AWS-{ACCOUNT}-Ops\\,Night,{BASE}", LOOSE) == ["Ops,Night"]


@pytest.mark.attack("LD-10")
@pytest.mark.parametrize(
    "parent",
    [
        "ou=delegated,ou=groups,dc=example,dc=test",
        "ou=people,dc=example,dc=test",
        f"{BASE},dc=evil",
        f"cn=x\\,{BASE}".replace(",", "\\,", 2),
        "ou=aws\N{ZERO WIDTH SPACE},ou=groups,dc=example,dc=test",
        "ou=\N{CYRILLIC SMALL LETTER A}ws,ou=groups,dc=example,dc=test",
        "ou=groups,dc=example,dc=test",
    ],
)
def test_the_same_name_elsewhere_gives_no_role(parent: str) -> None:
    """Whoever may create groups outside the base gains nothing by naming one well."""
    assert roles_of(f"cn=AWS-{ACCOUNT}-Admin,{parent}", LOOSE) == []
    assert roles_of(f"cn=AWS-{ACCOUNT}-Admin,ou=inner,{BASE}", LOOSE) == ["Admin"]


@pytest.mark.attack("LD-10")
def test_a_second_value_in_the_leaf_gives_no_role() -> None:
    """A name that anybody may add a second value to is no name to give roles by."""
    for leaf in (f"cn=x+cn=AWS-{ACCOUNT}-Admin", f"cn=AWS-{ACCOUNT}-Admin+ou=x"):
        assert roles_of(f"{leaf},{BASE}", LOOSE) == []
