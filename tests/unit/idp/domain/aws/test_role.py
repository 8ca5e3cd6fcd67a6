"""Roles and the roads to them: what fits together is taken, what does not is refused with its field."""

from typing import Any

import pytest

from idp.domain.aws.arn import RoleArn
from idp.domain.aws.role import MalformedRole, Road
from tests.unit.idp.domain.made_up import role

HUB = RoleArn.parse("arn:aws:iam::999900001111:role/Hub")
POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"road": Road.BROKER, "hub": RoleArn.parse("arn:aws-us-gov:iam::999900001111:role/Hub")}, "hub"),
        ({"road": Road.BROKER, "hub": RoleArn.parse("arn:aws:iam::111122223333:role/ReadOnly")}, "hub"),
        ({"road": Road.SAML, "policies": (POLICY,)}, "policies"),
        ({"road": Road.FEDERATION}, "policies"),
        ({"road": Road.FEDERATION, "policies": ("arn:aws-cn:iam::aws:policy/ReadOnlyAccess",)}, "policies"),
        ({"road": Road.FEDERATION, "policies": ("arn:aws:iam::aws:policy/*",)}, "policies"),
        ({"road": Road.FEDERATION, "policies": ("ReadOnlyAccess\n",)}, "policies"),
        ({"road": Road.FEDERATION, "policies": (POLICY,) * 11}, "policies"),
        ({"road": Road.FEDERATION, "policies": (POLICY,), "source_identity": True}, "road"),
        ({"road": Road.WEB_IDENTITY, "source_identity": True}, "road"),
        ({"road": Road.WEB_IDENTITY, "tags": ("Team",)}, "road"),
        ({"road": Road.WEB_IDENTITY, "policies": (POLICY,)}, "policies"),
    ],
)
def test_what_a_road_cannot_carry_is_refused(values: dict[str, Any], field: str) -> None:
    """The refusal names the field; one change away it is a role."""
    with pytest.raises(MalformedRole) as caught:
        role(**values)
    assert caught.value.field == field
    assert role(road=Road.BROKER, hub=HUB)
    assert role(road=Road.FEDERATION, policies=(POLICY,))
    assert role(road=Road.WEB_IDENTITY)


@pytest.mark.attack("AW-06")
def test_a_role_through_another_role_is_chained() -> None:
    """By way of a hub, or by a broker that is a role itself; a statement or a federation token never is."""
    assert role(road=Road.BROKER, hub=HUB).is_chained
    assert role(road=Road.BROKER, broker_is_role=True).is_chained
    assert not role(road=Road.BROKER).is_chained
    assert not role(road=Road.SAML, hub=HUB, broker_is_role=True).is_chained
    assert not role(road=Road.FEDERATION, policies=(POLICY,), broker_is_role=True).is_chained
