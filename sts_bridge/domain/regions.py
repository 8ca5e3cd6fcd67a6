"""Which region's STS a partition's roles are redeemed at."""

import re

from idp.domain.aws.signin import PARTITIONS


def sts_region(partition: str, *, preferred: str) -> str:
    """The preferred region where it lies in the partition, otherwise the partition's own first region."""
    known = PARTITIONS[partition]
    return preferred if re.fullmatch(known.regions, preferred, re.ASCII) else known.home_region
