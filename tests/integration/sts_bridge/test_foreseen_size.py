"""How much of AWS's room a narrowing takes, as it is told before the click, against what STS then says of it."""

from itertools import product

import pytest

from idp.domain.aws.narrowing import Narrowing
from sts_bridge.domain.session_policy import session_policy
from tests.integration.sts_bridge.broker_world import NEAR, Broker
from tests.integration.sts_bridge.test_broker_roads import take
from tests.unit.sts_bridge.domain.made_up import made_up_role

pytestmark = pytest.mark.django_db

LONGEST_REGION, LONGEST_NETWORK = "ap-southeast-99", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128"
COMBINATIONS = list(
    product([False, True], [None, "eu-central-1", LONGEST_REGION], [None, "192.0.2.7/32", LONGEST_NETWORK])
)


@pytest.mark.parametrize("role", ["Posted", "Direct"])
def test_what_is_foreseen_is_never_less_than_what_sts_packs(broker: Broker, role: str) -> None:
    """All combinations, by statement and by broker: STS packs no more than was told, nothing where nothing was."""
    sizes = set()
    bare = take(broker.person, NEAR, role).credentials.packed_percent or 0
    for read_only, region, address in COMBINATIONS:
        narrowing = Narrowing(read_only=read_only, region=region, address=address)
        foreseen = session_policy(narrowing, role=made_up_role()).percent
        packed = take(broker.person, NEAR, role, narrowing).credentials.packed_percent or 0
        assert bool(packed - bare) == bool(foreseen) == narrowing.needs_policy
        assert packed - bare <= foreseen
        sizes.add(foreseen)
    assert min(sizes) == 0
    assert max(sizes) < 100
