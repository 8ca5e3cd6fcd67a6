"""One registered role as everything else needs it: its names, its limits, and what is sent for it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from idp.domain.aws.arn import ProviderArn, RoleArn
from idp.domain.aws.duration import check_length
from idp.domain.errors import Malformed


class MalformedRole(Malformed):
    """A role that could not be given as it is registered."""

    code = "malformed-role"
    sentence = "This role cannot be given as it is registered."


class Road(StrEnum):
    """How the console of a role is opened: by a SAML post, or by a console address made from credentials."""

    SAML = "saml"
    BROKER = "broker"


@dataclass(frozen=True, slots=True)
class AwsRole:
    """One registered role; session tags and source identity are sent only where it says so."""

    arn: RoleArn
    provider: ProviderArn
    account_name: str
    environment: str
    colour: str
    longest: timedelta
    source_identity: bool = False
    tags: tuple[str, ...] = ()
    transitive_tags: tuple[str, ...] = ()
    road: Road = Road.SAML

    def __post_init__(self) -> None:
        """Refuse a provider elsewhere, a length that AWS refuses, and a transitive tag that is no tag."""
        if (self.provider.partition, self.provider.account) != (self.arn.partition, self.arn.account):
            raise MalformedRole(
                f"{self.provider} with {self.arn}",
                sentence="A role and its SAML provider are in one account of one partition.",
            )
        check_length(self.longest)
        if not set(self.transitive_tags) <= set(self.tags):
            raise MalformedRole(
                f"transitive {self.transitive_tags} of {self.tags}",
                sentence="Only what is a session tag of the role can be a transitive tag.",
            )
