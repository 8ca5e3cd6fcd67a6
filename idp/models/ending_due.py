"""Sessions in AWS that must end before their time: of one person in a role, or of a whole role."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self

from django.db import connection, models

from idp.models.access_session import AccessSession
from idp.models.compiled import Condition


class EndingState(StrEnum):
    """How far an ending has come."""

    DUE = "due"
    DENIED = "denied"
    IMPOSSIBLE = "impossible"
    CLEARED = "cleared"


class EndingDueQuerySet(models.QuerySet["EndingDue"]):
    """Named filters."""

    def open_at(self, now: datetime) -> Self:
        """Those whose access is not over by itself, the longest due first."""
        return self.filter(access__ends_at__gt=now).order_by("due_since")


# The first line of the first question is the one by which its index was made.
NONE_COVERS = """
SELECT NOT EXISTS (
  SELECT 1 FROM idp_endingdue WHERE NOT (state = 'cleared') AND role_arn = %s
  AND session_name = %s AND state IN ('due', 'denied') AND denied_before > %s
) AND NOT EXISTS (
  SELECT 1 FROM idp_roleending WHERE role_arn = %s AND state IN ('due', 'denied') AND denied_before > %s
)
"""


class EndingBase(models.Model):
    """What every ending tells: why, since when, who asked, how far it has come, and each step's moment."""

    reason = models.CharField(max_length=60)
    asked_by = models.CharField(max_length=255, blank=True, default="", db_default="")
    due_since = models.DateTimeField(db_index=True)
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in EndingState],
        default=EndingState.DUE.value,
        db_default=EndingState.DUE.value,
    )
    tries = models.PositiveIntegerField(default=0, db_default=0)
    next_try_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True, default="", db_default="")
    problem_code = models.CharField(max_length=40, blank=True, default="", db_default="", editable=False)
    denied_before = models.DateTimeField(null=True)
    denied_at = models.DateTimeField(null=True)

    class Meta:
        """No table of its own."""

        abstract = True


class EndingDue(EndingBase):
    """One access that must end in AWS; at most one row for an access. `until` is when it would have ended anyway."""

    access = models.OneToOneField(
        AccessSession, on_delete=models.CASCADE, primary_key=True, related_name="ending_due"
    )
    role_arn = models.CharField(max_length=640, blank=True, default="", db_default="")
    session_name = models.CharField(max_length=64, blank=True, default="", db_default="")
    until = models.DateTimeField(null=True)
    cleared_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["EndingDue"]] = models.Manager.from_queryset(EndingDueQuerySet)()

    class Meta:
        """The newest first."""

        verbose_name = "access to end"
        verbose_name_plural = "accesses to end"
        ordering = ["-due_since"]
        indexes = [
            models.Index(
                fields=["role_arn"],
                name="endings_not_cleared",
                condition=~models.Q(state=EndingState.CLEARED.value),
            )
        ]

    def __str__(self) -> str:
        return f"{self.access_id} since {self.due_since:%Y-%m-%d %H:%M} ({self.reason})"

    @staticmethod
    def none_covers(*, role_arn: str, session_name: str, moment: datetime) -> Condition:
        """The condition that nothing is being ended with which a session of this moment would end."""
        at = connection.ops.adapt_datetimefield_value(moment)
        return Condition(NONE_COVERS, (role_arn, session_name, at, role_arn, at))


class RoleEnding(EndingBase):
    """Every session of one role that was issued before a moment must end in AWS, whoever holds it."""

    role_arn = models.CharField(max_length=640)

    class Meta:
        """The newest first."""

        verbose_name = "role to end"
        verbose_name_plural = "roles to end"
        ordering = ["-due_since"]

    def __str__(self) -> str:
        return f"{self.role_arn} since {self.due_since:%Y-%m-%d %H:%M} ({self.reason})"


class RoleRoom(models.Model):
    """How much of AWS's room for a role's inline policies was taken when the ender last wrote there."""

    role_arn = models.CharField(max_length=640, primary_key=True)
    percent = models.PositiveSmallIntegerField("room taken (%)")
    of_ours_percent = models.PositiveSmallIntegerField("by our denials (%)")
    seen_at = models.DateTimeField()

    class Meta:
        """The fullest first."""

        verbose_name = "role's room for denials"
        verbose_name_plural = "roles' room for denials"
        ordering = ["-percent", "role_arn"]

    def __str__(self) -> str:
        return f"{self.role_arn}: {self.percent} %"


class RoleLease(models.Model):
    """Who writes the policies of a role now: one at a time, because each writes the whole of them."""

    role_arn = models.CharField(max_length=640, primary_key=True)
    leased_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.role_arn} until {self.leased_until:%H:%M:%S}"
