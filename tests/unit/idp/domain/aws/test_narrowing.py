"""What can be given up at the click: read strictly, written down, and read again the same."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.aws.narrowing import Narrowing, UnlawfulNarrowing, narrowing_in_words

REGIONS = ("eu-central-1", "us-east-1", "ap-southeast-2")
narrowings = st.builds(
    Narrowing,
    duration=st.none() | st.integers(15, 720).map(lambda minutes: timedelta(minutes=minutes)),
    read_only=st.booleans(),
    region=st.none() | st.sampled_from(REGIONS),
    address=st.none() | st.ip_addresses(v=4).map(lambda address: f"{address}/32"),
)


@given(narrowings)
def test_what_was_written_down_gives_the_same_again(narrowing: Narrowing) -> None:
    """A renewal narrows as the click did, and an empty line narrows nothing."""
    assert Narrowing.of_line(narrowing.line(), partition="aws") == narrowing
    assert bool(narrowing.line()) == bool(narrowing)
    assert narrowing_in_words(narrowing.line()) == ", ".join(narrowing.words())
    assert len(narrowing.line()) <= 200


@pytest.mark.parametrize(
    "values",
    [
        {"minutes": "14"},
        {"minutes": "721"},
        {"minutes": "-15"},
        {"minutes": "1e3"},
        {"minutes": "\u0661\u0665"},
        {"minutes": "60\n"},
        {"region": "us-gov-west-1"},
        {"region": "eu-central-1\n."},
        {"region": "*"},
        {"region": "mars-1"},
        # So long a line would be cut where it is kept, and a renewal would lose the address behind it.
        {"region": f"eu-{'a' * 150}-1", "address": "192.0.2.7"},
        {"address": "example.com"},
        {"address": "0.0.0.0/0"},
        {"address": "10.0.0.0/7"},
        {"address": "::/0"},
        {"address": "2000::/16"},
        {"address": "192.0.2.7/33"},
        {"address": '192.0.2.7","*'},
    ],
)
def test_what_cannot_be_narrowed_so_is_refused(values: dict[str, str]) -> None:
    """Every unlawful wish is refused with a sentence of its own; its lawful twins are taken."""
    with pytest.raises(UnlawfulNarrowing) as caught:
        Narrowing.read(values, partition="aws")
    assert caught.value.told.endswith((".", "4."))
    lawful = {"minutes": "15", "region": "eu-central-1", "address": "192.0.2.7", "read_only": "on"}
    read = Narrowing.read(lawful, partition="aws")
    assert read == Narrowing(timedelta(minutes=15), True, "eu-central-1", "192.0.2.7/32")


def test_a_region_belongs_to_the_partition_of_the_role() -> None:
    """A region of GovCloud narrows a role of GovCloud, and no other."""
    assert Narrowing.read({"region": "us-gov-west-1"}, partition="aws-us-gov").region == "us-gov-west-1"
    with pytest.raises(UnlawfulNarrowing):
        Narrowing.read({"region": "eu-central-1"}, partition="aws-us-gov")
