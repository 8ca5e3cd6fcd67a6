"""Names of roles, users and providers as AWS writes them."""

import re
from dataclasses import dataclass

PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc")

_PARTITION = "|".join(PARTITIONS)
_ROLE = re.compile(
    rf"arn:(?P<partition>{_PARTITION}):iam::(?P<account>[0-9]{{12}}):role"
    r"(?P<path>/(?:[\x21-\x7e]+/)?)(?P<name>[\w+=,.@-]{1,64})",
    re.ASCII,
)
_PROVIDER = re.compile(
    rf"arn:(?P<partition>{_PARTITION}):iam::(?P<account>[0-9]{{12}}):saml-provider/(?P<name>[\w.-]{{1,128}})",
    re.ASCII,
)
_USER = re.compile(
    rf"arn:(?P<partition>{_PARTITION}):iam::(?P<account>[0-9]{{12}}):"
    r"(?:(?P<root>root)|user(?P<path>/(?:[\x21-\x7e]+/)?)(?P<name>[\w+=,.@-]{1,64}))",
    re.ASCII,
)
_ISSUER = re.compile(
    rf"arn:(?P<partition>{_PARTITION}):iam::(?P<account>[0-9]{{12}}):oidc-provider/"
    r"(?P<name>[a-z0-9][A-Za-z0-9._~:/-]{0,254})",
    re.ASCII,
)
# A comma is lawful in the name of a role, a colon is not: only this separates the two halves of a pair.
_PAIR_SEPARATOR = re.compile(r",(?=arn:)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Arn:
    """A role, a user or a provider, taken apart; the root user has an account and no name."""

    text: str
    partition: str
    account: str
    name: str
    path: str = "/"

    @property
    def home(self) -> tuple[str, str]:
        """The partition and account it lives in."""
        return self.partition, self.account


def read_role_arn(text: str) -> Arn | None:
    """Give the role named by the text, or nothing if it names none."""
    return _read(_ROLE, text)


def read_provider_arn(text: str) -> Arn | None:
    """Give the SAML provider named by the text, or nothing if it names none."""
    return _read(_PROVIDER, text)


def read_user_arn(text: str) -> Arn | None:
    """Give the user named by the text, or nothing if it names none."""
    return _read(_USER, text)


def read_issuer_arn(text: str) -> Arn | None:
    """Give the OpenID Connect provider named by the text, or nothing if it names none."""
    return _read(_ISSUER, text)


def read_pair(text: str) -> tuple[Arn, Arn] | None:
    """Give role and provider of one Role value, in either order, or nothing if it is no such pair."""
    halves = _PAIR_SEPARATOR.split(text)
    if len(halves) != len(("role", "provider")):
        return None
    for first, second in (halves, halves[::-1]):
        role, provider = read_role_arn(first), read_provider_arn(second)
        if role and provider:
            return role, provider
    return None


def _read(pattern: re.Pattern[str], text: str) -> Arn | None:
    found = pattern.fullmatch(text)
    if found is None:
        return None
    parts = found.groupdict()
    return Arn(
        text=text,
        partition=parts["partition"],
        account=parts["account"],
        name=parts["name"] or "",
        path=parts.get("path") or "/",
    )
