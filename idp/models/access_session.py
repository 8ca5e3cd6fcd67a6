"""Each access handed out: to whom, which role, by which rule, from when, until when."""

import uuid
from datetime import datetime
from typing import ClassVar, Self

from django.db import models

from idp.domain.access_session import WARNED_BEFORE, AccessKind, AccessState
from idp.domain.aws.role import Road
from idp.models.user import User


class AccessSessionQuerySet(models.QuerySet["AccessSession"]):
    """Named filters; each uses an index, so that their cost grows with what they find."""

    def open_at(self, now: datetime) -> Self:
        """Those that are not over, whatever has been marked."""
        return self.filter(ends_at__gt=now)

    def due_to_end(self, now: datetime) -> Self:
        """Those that are over and not marked yet, the oldest first."""
        return self.exclude(state=AccessState.ENDED).filter(ends_at__lte=now).order_by("ends_at")

    def due_to_warn(self, now: datetime) -> Self:
        """Those that end soon and whose owner has not been told."""
        return self.filter(warned_at__isnull=True, ends_at__gt=now, ends_at__lte=now + WARNED_BEFORE).exclude(
            state=AccessState.ENDED
        )

    def locked(self) -> Self:
        """These, nobody else's until the transaction ends: locked in one order, so that no two wait crosswise."""
        numbers = [row.pk for row in self.order_by("pk").select_for_update(of=("self",)).only("pk")]
        return type(self)(self.model, using=self.db).filter(pk__in=numbers)


class AccessSession(models.Model):
    """One access; nothing here opens anything: no secret, no statement."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Its index is `access_of_one_person`, which begins with it.
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="accesses", db_index=False)
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in AccessKind])
    state = models.CharField(max_length=8, choices=[(state.value, state.value) for state in AccessState])
    role_arn = models.CharField(max_length=640)
    account_name = models.CharField(max_length=100)
    environment = models.CharField(max_length=40)
    colour = models.CharField(max_length=10)
    session_name = models.CharField(max_length=64)
    rule_number = models.BigIntegerField()
    rule_name = models.CharField(max_length=100)
    group_dn = models.CharField(max_length=1_000)
    road = models.CharField(max_length=16, default=Road.SAML.value, db_default=Road.SAML.value)
    narrowing = models.CharField(max_length=200, blank=True, default="", db_default="")
    packed_percent = models.PositiveSmallIntegerField("packed policy size (%)", null=True, blank=True)
    assertion_id = models.CharField(max_length=64, unique=True, null=True, blank=True)
    access_key_id = models.CharField(max_length=128, blank=True)
    reference = models.CharField(max_length=40)
    address = models.CharField(max_length=45, blank=True, default="", db_default="")
    client = models.CharField(max_length=200, blank=True, default="", db_default="")
    started_at = models.DateTimeField()
    # By AWS's clock, not by ours: what a denial goes by.
    issued_at = models.DateTimeField("issued by AWS at", null=True)
    ends_at = models.DateTimeField()
    warned_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["AccessSession"]] = models.Manager.from_queryset(AccessSessionQuerySet)()

    class Meta:
        """Indexes for what is due, and for one person's list."""

        ordering = ["-started_at"]
        permissions = [("end_access", "Can end in AWS what people hold")]
        indexes = [
            models.Index(
                fields=["ends_at"],
                name="access_not_marked",
                condition=~models.Q(state=AccessState.ENDED.value),
            ),
            models.Index(fields=["user", "-ends_at"], name="access_of_one_person"),
            models.Index(
                fields=["role_arn", "ends_at"],
                name="access_of_one_role",
                condition=~models.Q(state=AccessState.ENDED.value),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.role_arn} until {self.ends_at:%Y-%m-%d %H:%M}"
