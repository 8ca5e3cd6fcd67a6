"""AWS accounts, roles, and the rules from group or workload to role."""

import secrets

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from idp.domain.aws.arn import PARTITIONS
from idp.domain.aws.role import Road
from idp.domain.rules import Effect
from idp.models.mapping_version import MappingModel

LONGEST_SECONDS = 43_200
SHORTEST_SECONDS = 900


def new_external_id() -> str:
    """128 random bits: nobody but us chooses by which ExternalId an account knows our broker (AW-05)."""
    return f"drawbridge-{secrets.token_hex(16)}"


class Account(MappingModel):
    """One AWS account, the IAM SAML provider in it that trusts us, and how our broker is known there."""

    class Colour(models.TextChoices):
        """The colour by which people know an environment."""

        RED = "red"
        AMBER = "amber"
        GREEN = "green"
        BLUE = "blue"
        VIOLET = "violet"
        GREY = "grey"

    number = models.CharField(
        "account ID",
        max_length=12,
        unique=True,
        validators=[RegexValidator(r"\A[0-9]{12}\Z", "An account ID has 12 digits.")],
    )
    name = models.CharField(max_length=100)
    environment = models.CharField(
        max_length=40, help_text="For instance production, staging or sandbox; people see it beside the name."
    )
    colour = models.CharField(max_length=10, choices=Colour.choices, default=Colour.GREY)
    partition = models.CharField(max_length=20, choices=[(name, name) for name in PARTITIONS], default="aws")
    provider = models.CharField(
        "SAML provider",
        max_length=128,
        default="drawbridge",
        validators=[RegexValidator(r"\A[A-Za-z0-9._-]{1,128}\Z", "1 to 128 of A-Z a-z 0-9 . _ -")],
        help_text="The name of the IAM SAML provider in this account.",
    )
    hub = models.CharField(
        "hub role",
        max_length=640,
        blank=True,
        default="",
        db_default="",
        help_text="The ARN of the role through which the broker reaches this account; empty: directly.",
    )
    external_id = models.CharField(
        "ExternalId",
        max_length=64,
        unique=True,
        null=True,
        blank=True,
        editable=False,
        help_text="Made here, never chosen: trust policies in this account demand it of the broker.",
    )

    class Meta:
        """In the order of the names."""

        verbose_name = "AWS account"
        ordering = ["name", "number"]

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"

    def complete(self) -> None:
        """The account has an ExternalId of its own; it is never changed."""
        self.external_id = self.external_id or new_external_id()


class Role(MappingModel):
    """One IAM role that people may be given."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="roles")
    path = models.CharField(
        max_length=512,
        default="/",
        validators=[RegexValidator(r"\A/(?:[A-Za-z0-9+=,.@_-]+/)*\Z", "A path begins and ends with /.")],
    )
    name = models.CharField(
        max_length=64,
        validators=[RegexValidator(r"\A[A-Za-z0-9+=,.@_-]{1,64}\Z", "1 to 64 of A-Z a-z 0-9 + = , . @ _ -")],
    )
    longest_seconds = models.PositiveIntegerField(
        "longest session (seconds)",
        default=3_600,
        validators=[MinValueValidator(SHORTEST_SECONDS), MaxValueValidator(LONGEST_SECONDS)],
        help_text="Not longer than the role's own MaxSessionDuration in AWS.",
    )
    source_identity = models.BooleanField(
        default=False,
        help_text="Send SourceIdentity; the role's trust policy must allow sts:SetSourceIdentity.",
    )
    tags = models.JSONField(
        "session tags",
        default=list,
        blank=True,
        help_text="Keys to send as session tags; the role's trust policy must allow sts:TagSession.",
    )
    transitive_tags = models.JSONField(
        default=list, blank=True, help_text="Those of the tags that survive role chaining."
    )
    road = models.CharField(
        max_length=12, choices=[(road.value, road.value) for road in Road], default=Road.SAML.value
    )
    policies = models.JSONField(
        "managed policies",
        default=list,
        db_default=[],
        blank=True,
        help_text="For the road `federation`: ARNs of managed policies that bound the session.",
    )

    class Meta:
        """IAM knows one role of a name in an account, whatever the path."""

        verbose_name = "AWS role"
        permissions = [("end_role_sessions", "Can end every session of a role in AWS")]
        ordering = ["account__name", "name"]
        constraints = [
            models.UniqueConstraint("account", "name", name="one_role_of_a_name_per_account"),
            models.CheckConstraint(
                condition=models.Q(
                    longest_seconds__gte=SHORTEST_SECONDS, longest_seconds__lte=LONGEST_SECONDS
                ),
                name="longest_within_what_aws_allows",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account.name} / {self.name}"

    @property
    def arn(self) -> str:
        """The role's ARN."""
        return f"arn:{self.account.partition}:iam::{self.account.number}:role{self.path}{self.name}"


class Rule(MappingModel):
    """One rule to a role: from a group by its identifier, from groups by a pattern, or from workloads."""

    name = models.CharField(max_length=100, unique=True)
    effect = models.CharField(
        max_length=5, choices=[(effect.value, effect.value) for effect in Effect], default=Effect.ALLOW.value
    )
    group_id = models.CharField(
        "group identifier", max_length=100, blank=True, db_index=True, help_text="entryUUID or objectGUID."
    )
    group_dn = models.CharField("group DN", max_length=1_000, blank=True, help_text="For people to read.")
    pattern = models.CharField(
        max_length=512,
        blank=True,
        help_text="RE2, matched against the whole name, with the named parts account and role.",
    )
    base = models.CharField(
        "base DN", max_length=1_000, blank=True, help_text="Only groups at or below it count."
    )
    workload_issuer = models.CharField(
        "issuer",
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text="Exactly as tokens have it in iss.",
    )
    workload_subject = models.CharField(
        "subject",
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text="The sub of its tokens, compared as it stands; or leave it empty and name claims.",
    )
    workload_claims = models.JSONField("claims", default=dict, db_default={}, blank=True)
    role = models.ForeignKey(Role, on_delete=models.PROTECT, null=True, blank=True, related_name="rules")
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="rules",
        help_text="For patterns that capture no account.",
    )
    role_name = models.CharField(max_length=64, blank=True, help_text="For patterns that capture no role.")
    duration_seconds = models.PositiveIntegerField(
        "duration (seconds)",
        null=True,
        blank=True,
        validators=[MinValueValidator(SHORTEST_SECONDS), MaxValueValidator(LONGEST_SECONDS)],
        help_text="Empty: as long as the role allows.",
    )
    starts_at = models.DateTimeField("from", null=True, blank=True)
    ends_at = models.DateTimeField("until", null=True, blank=True, help_text="Exclusive.")
    enabled = models.BooleanField(default=True)
    note = models.TextField(max_length=2_000, blank=True)

    class Meta:
        """A rule names either a group, or a pattern, or workloads."""

        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=(
                    models.Q(pattern="", base="", workload_issuer="")
                    & ~models.Q(group_id="")
                    & models.Q(role__isnull=False)
                )
                | (models.Q(group_id="", workload_issuer="") & ~models.Q(pattern="") & ~models.Q(base=""))
                | (
                    models.Q(group_id="", pattern="", base="")
                    & ~models.Q(workload_issuer="")
                    & models.Q(role__isnull=False)
                ),
                name="rule_names_a_group_a_pattern_or_workloads",
            ),
        ]

    def __str__(self) -> str:
        return self.name
