"""Which regions' STS a partition's roles are redeemed at, in which order."""

from idp.domain.aws.signin import PARTITIONS, in_partition


def regions_in_order(partition: str, *, preferred: tuple[str, ...]) -> tuple[str, ...]:
    """The preferred regions that lie in the partition, or else the partition's own first region."""
    ours = tuple(region for region in preferred if in_partition(region, partition))
    return ours or (PARTITIONS[partition].home_region,)


def sts_region(partition: str, *, preferred: tuple[str, ...]) -> str:
    """The first of them."""
    return regions_in_order(partition, preferred=preferred)[0]
