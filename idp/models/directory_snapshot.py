"""The last complete answer about a person, and when it was given; the rows are also the sweep's queue."""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models

from idp.models.user import User


class DirectorySnapshotQuerySet(models.QuerySet["DirectorySnapshot"]):
    """Named filters."""

    def due_to_sweep(self, now: datetime, *, every: timedelta) -> Self:
        """Those not taken up within the interval, the longest waiting first; read along the index."""
        return self.filter(swept_at__lte=now - every).order_by("swept_at")

    def out_of_line(self, now: datetime, *, every: timedelta) -> Self:
        """Those whose turn would never come: not taken up at all, or in the future (a clock was set back)."""
        return self.filter(models.Q(swept_at__isnull=True) | models.Q(swept_at__gte=now + every))


class DirectorySnapshot(models.Model):
    """What the directory last said about one person; used only while it cannot be asked, and not for long.

    `lost_groups` are those that an earlier answer had and a later one has not, until the sweep has seen to
    what follows: identifier, DN, and when it first did, each. `swept_at` is when the sweep last took the row
    up.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="snapshot")
    identity = models.JSONField()
    asked_at = models.DateTimeField()
    lost_groups = models.JSONField(null=True)
    swept_at = models.DateTimeField(null=True, db_index=True)

    objects: ClassVar[models.Manager["DirectorySnapshot"]] = models.Manager.from_queryset(
        DirectorySnapshotQuerySet
    )()

    def __str__(self) -> str:
        return f"{self.user_id} at {self.asked_at:%Y-%m-%d %H:%M}"
