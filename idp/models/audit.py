"""Audit events; may be added, never changed."""

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

from django.db import models

from idp.domain.events import AuditEvent


class AuditIsAppendOnlyError(RuntimeError):
    """Somebody's code tried to change the record of what happened."""


class AuditQuerySet(models.QuerySet["AuditRecord"]):
    """Rows may be read, not changed."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise AuditIsAppendOnlyError(f"update of {sorted(kwargs)}")

    def delete(self) -> NoReturn:
        """Refused."""
        raise AuditIsAppendOnlyError("delete")


class AuditRecord(models.Model):
    """One thing that happened; `reason` is a machine's word, `details` small and without secrets."""

    at = models.DateTimeField(db_index=True)
    event = models.CharField(max_length=60, choices=[(event.value, event.value) for event in AuditEvent])
    account_key = models.CharField(max_length=255, blank=True, db_index=True)
    person = models.CharField(max_length=255, blank=True)
    address = models.CharField(max_length=45, blank=True)
    reference = models.CharField(max_length=40, blank=True, db_index=True)
    role_arn = models.CharField(max_length=640, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    details = models.JSONField(default=dict)

    # No column: what is called once the row is on record (`compiled.py`).
    when_written: Callable[[], object] | None = None

    objects: ClassVar[models.Manager["AuditRecord"]] = models.Manager.from_queryset(AuditQuerySet)()

    class Meta:
        """The newest first."""

        ordering = ["-pk"]
        indexes = [
            # A few rows among millions, which the page of the signing key asks for.
            models.Index(
                fields=["event"],
                name="audit_of_signing_keys",
                condition=models.Q(
                    event__in=[event.value for event in AuditEvent if "signing-key:" in event]
                ),
            )
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.event}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; refused for one that is there already."""
        if not self._state.adding:
            raise AuditIsAppendOnlyError("save of an existing row")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise AuditIsAppendOnlyError(f"delete {args}{kwargs}")
