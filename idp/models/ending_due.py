"""Accesses in AWS that must end before their time, because their holder may not have them any more."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models

from idp.models.access_session import AccessSession


class EndingDueQuerySet(models.QuerySet["EndingDue"]):
    """Named filters."""

    def open_at(self, now: datetime) -> Self:
        """Those whose access is not over by itself, the longest due first."""
        return self.filter(access__ends_at__gt=now).order_by("due_since")


class EndingDue(models.Model):
    """One access that must end in AWS: why, and since when; at most one row for an access."""

    access = models.OneToOneField(
        AccessSession, on_delete=models.CASCADE, primary_key=True, related_name="ending_due"
    )
    reason = models.CharField(max_length=60)
    due_since = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager["EndingDue"]] = models.Manager.from_queryset(EndingDueQuerySet)()

    class Meta:
        """The newest first."""

        verbose_name = "access to end"
        verbose_name_plural = "accesses to end"
        ordering = ["-due_since"]

    def __str__(self) -> str:
        return f"{self.access_id} since {self.due_since:%Y-%m-%d %H:%M} ({self.reason})"
