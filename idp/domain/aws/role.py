"""One registered role as everything else needs it: its names, its limits, and what is sent for it."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from idp.domain.aws.arn import ProviderArn, RoleArn
from idp.domain.aws.duration import check_length
from idp.domain.errors import Malformed, Refused

MOST_POLICIES = 10
policy_arn_grammar = re.compile(
    r"arn:(?P<partition>[a-z-]+):iam::(?:aws|[0-9]{12}):policy/(?:[A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,128}",
    re.ASCII,
)


class MalformedRole(Malformed):
    """A role that could not be given as it is registered."""

    code = "malformed-role"
    sentence = "This role cannot be given as it is registered."

    def __init__(self, cause: str, *, field: str, sentence: str) -> None:
        """Keep which value of the role is meant."""
        super().__init__(cause, sentence=sentence)
        self.field = field


class AnotherRoad(Refused):
    """The role is there for this person, and is opened in another way."""

    code = "another-road"
    sentence = "This role is not opened in this way. Please start again from your roles."


class PartitionOff(Refused):
    """Roles of this partition are not given here until an operator has confirmed its values."""

    code = "partition-off"
    sentence = "Roles of this AWS partition are not given out here. Please ask your administrators."


class Road(StrEnum):
    """How a role is reached in AWS.

    SAML: a signed statement, posted or redeemed. BROKER: `AssumeRole` with an identity of ours, through the
    account's hub where it has one. FEDERATION: `GetFederationToken`, which knows no role: what the broker's
    own user and these managed policies both allow. WEB_IDENTITY: `AssumeRoleWithWebIdentity`, with a token of a
    configured issuer; programs bring it, no click does.
    """

    SAML = "saml"
    BROKER = "broker"
    FEDERATION = "federation"
    WEB_IDENTITY = "web-identity"


CLICKED_ROADS = frozenset(Road) - {Road.WEB_IDENTITY}


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
    hub: RoleArn | None = None
    broker_is_role: bool = False
    external_id: str = ""
    policies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a provider or hub elsewhere, an unlawful length, and what the road cannot carry."""
        if (self.provider.partition, self.provider.account) != (self.arn.partition, self.arn.account):
            raise MalformedRole(
                f"{self.provider} with {self.arn}",
                field="arn",
                sentence="A role and its SAML provider are in one account of one partition.",
            )
        check_length(self.longest)
        if not set(self.transitive_tags) <= set(self.tags):
            raise MalformedRole(
                f"transitive {self.transitive_tags} of {self.tags}",
                field="transitive_tags",
                sentence="Only what is a session tag of the role can be a transitive tag.",
            )
        self._check_road()

    @property
    def is_chained(self) -> bool:
        """Whether it is taken with the credentials of another role: AWS then gives an hour at most."""
        return self.road is Road.BROKER and (self.hub is not None or self.broker_is_role)

    def _check_road(self) -> None:
        if self.hub is not None and (self.hub.partition != self.arn.partition or self.hub == self.arn):
            raise MalformedRole(
                f"hub {self.hub} of {self.arn}",
                field="hub",
                sentence="An account's hub is another role of the same partition.",
            )
        if bool(self.policies) != (self.road is Road.FEDERATION):
            raise MalformedRole(
                f"{len(self.policies)} policies with road {self.road}",
                field="policies",
                sentence="Policies are for the road `federation`, which needs at least one.",
            )
        if len(self.policies) > MOST_POLICIES:
            raise MalformedRole(
                f"{len(self.policies)} policies",
                field="policies",
                sentence="A session takes at most 10 policies.",
            )
        for policy in self.policies:
            found = policy_arn_grammar.fullmatch(policy)
            if not found or found["partition"] != self.arn.partition:
                raise MalformedRole(
                    f"policy {policy!r}",
                    field="policies",
                    sentence="A policy is named by its ARN, such as arn:aws:iam::aws:policy/ReadOnlyAccess.",
                )
        if self.road is Road.FEDERATION and (self.source_identity or self.transitive_tags):
            raise MalformedRole(
                f"source identity or transitive tags of {self.arn}",
                field="road",
                sentence="A federation token carries neither source identity nor transitive tags.",
            )
        if self.road is Road.WEB_IDENTITY and (self.source_identity or self.tags):
            raise MalformedRole(
                f"source identity or tags of {self.arn}",
                field="road",
                sentence="On the road `web-identity` the token says both: source identity and tags stay off.",
            )
