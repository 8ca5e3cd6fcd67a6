"""Role and provider names of AWS, every partition; an unknown partition is refused.

IAM identifiers: account 12 digits; role path `/`-framed, at most 512; role name 1 to 64; path and
name together form the resource part. Provider names 1 to 128.
"""

import re
from dataclasses import dataclass
from typing import Self

from idp.domain.errors import Malformed

PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc")

account_grammar = re.compile(r"[0-9]{12}", re.ASCII)
role_name_grammar = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}", re.ASCII)
role_path_grammar = re.compile(r"/(?:[A-Za-z0-9+=,.@_-]+/)*", re.ASCII)
provider_name_grammar = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
role_arn_grammar = re.compile(
    r"arn:(?P<partition>[a-z-]+):iam::(?P<account>[0-9]{12}):role"
    r"(?P<path>/(?:[A-Za-z0-9+=,.@_-]+/)*)(?P<name>[A-Za-z0-9+=,.@_-]{1,64})",
    re.ASCII,
)
LONGEST_PATH = 512


class MalformedArn(Malformed):
    """Not the name of a role or provider in a partition we know."""

    code = "malformed-arn"
    sentence = "This is not the ARN of an IAM role, such as arn:aws:iam::111122223333:role/ReadOnly."


@dataclass(frozen=True, slots=True, order=True)
class RoleArn:
    """The name of one IAM role."""

    partition: str
    account: str
    path: str
    name: str

    def __post_init__(self) -> None:
        """Refuse what IAM would not accept."""
        _check_partition(self.partition)
        if not account_grammar.fullmatch(self.account):
            raise MalformedArn(f"{self.account!r} is no account of 12 digits")
        if not role_path_grammar.fullmatch(self.path) or len(self.path) > LONGEST_PATH:
            raise MalformedArn(f"{self.path!r} is no role path")
        if not role_name_grammar.fullmatch(self.name):
            raise MalformedArn(f"{self.name!r} is no role name")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The role that this text names; refuses everything else."""
        found = role_arn_grammar.fullmatch(text)
        if not found:
            raise MalformedArn(f"{text!r} is no role ARN")
        return cls(**found.groupdict())

    def __str__(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role{self.path}{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class ProviderArn:
    """The name of one IAM SAML provider."""

    partition: str
    account: str
    name: str

    def __post_init__(self) -> None:
        """Refuse what IAM would not accept."""
        _check_partition(self.partition)
        if not account_grammar.fullmatch(self.account):
            raise MalformedArn(f"{self.account!r} is no account of 12 digits")
        if not provider_name_grammar.fullmatch(self.name):
            raise MalformedArn(f"{self.name!r} is no SAML provider name")

    def __str__(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:saml-provider/{self.name}"


def _check_partition(partition: str) -> None:
    if partition not in PARTITIONS:
        raise MalformedArn(f"unknown partition {partition!r}; known are {', '.join(PARTITIONS)}")
