"""Names of roles and providers."""

import pytest

from idp.domain.aws import signin
from idp.domain.aws.arn import PARTITIONS, MalformedArn, ProviderArn, RoleArn


@pytest.mark.parametrize("partition", PARTITIONS)
def test_roles_of_every_partition_are_read_and_written_alike(partition: str) -> None:
    """What is read is written the same, path and all."""
    for tail in ("ReadOnly", "a/b-c/Read+Only=,.@_-", "x" * 64):
        text = f"arn:{partition}:iam::111122223333:role/{tail}"
        assert str(RoleArn.parse(text)) == text
    assert str(ProviderArn(partition, "111122223333", "x.y_z-1")).startswith(f"arn:{partition}:iam::")
    assert partition in signin.PARTITIONS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ReadOnly",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::111122223333:role/a//b",
        "arn:aws:iam::1111:role/A",
        "arn:aws:iam::111122223333:user/A",
        "arn:aws-iso:iam::111122223333:role/A",
        "arn:AWS:iam::111122223333:role/A",
        "arn:aws:iam::111122223333:role/A\n",
        " arn:aws:iam::111122223333:role/A",
        "arn:aws:iam::111122223333:role/Ä",
        "arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:role/A",
        "arn:aws:iam::111122223333:role/" + "x" * 65,
        "arn:aws:iam:eu:111122223333:role/A",
        "arn:aws:iam::111122223333:role/A*",
        "arn:aws:iam::111122223333:role/A:B",
        "arn:aws:iam::111122223333:role/a b",
        "arn:aws:iam::111122223333:role/" + "p/" * 257 + "A",
    ],
)
def test_what_is_no_role_of_a_known_partition_is_refused(text: str) -> None:
    """The grammar of IAM, whole, ASCII, no wildcard."""
    with pytest.raises(MalformedArn):
        RoleArn.parse(text)


def test_providers_are_checked_too() -> None:
    """Account, partition and name of a provider are lawful or refused."""
    for partition, account, name in (
        ("aws", "1", "x"),
        ("moon", "111122223333", "x"),
        ("aws", "111122223333", "a b"),
    ):
        with pytest.raises(MalformedArn):
            ProviderArn(partition, account, name)
