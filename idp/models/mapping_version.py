"""The version of the rules, and rows whose every change raises it.

Whatever changes such a row, by whatever way, raises the version in the same transaction: every
process compares it before it trusts its compiled rules.
"""

import secrets
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.db import connection, models, transaction

STEP_BITS = 32


class MappingVersion(models.Model):
    """The one row that says which state of the rules is the newest."""

    number = models.PositiveBigIntegerField(default=0)

    class Meta:
        """One row only."""

        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_mapping_version")]

    def __str__(self) -> str:
        return str(self.number)

    @classmethod
    def current(cls) -> int:
        """The newest version; 0 before the first change.

        Every click asks this: a plain statement costs a third of a query set's.
        """
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT number FROM {cls._meta.db_table} WHERE id = 1")  # noqa: S608 - our own table's name
            row = cursor.fetchone()
        return int(row[0]) if row else 0

    @classmethod
    def advance(cls) -> None:
        """A change of the rules has happened in this transaction.

        The step is random: a number that was rolled back, or lost with a restored backup, never comes again
        with other rules while some process still keeps those that it read under it.
        """
        raised = models.F("number") + 1 + secrets.randbits(STEP_BITS)
        if not cls.objects.filter(pk=1).update(number=raised):
            # Whoever makes the row at the same moment waits here, and both add to its number.
            MappingVersion.objects.bulk_create([MappingVersion(pk=1)], ignore_conflicts=True)
            cls.objects.filter(pk=1).update(number=raised)


class MappingQuerySet(models.QuerySet[Any]):
    """Changes in bulk raise the version too."""

    def update(self, **kwargs: Any) -> int:
        """Change these rows and raise the version."""
        with transaction.atomic(using=self.db):
            MappingVersion.advance()
            return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Remove these rows and raise the version."""
        with transaction.atomic(using=self.db):
            MappingVersion.advance()
            return super().delete()

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Add these rows and raise the version."""
        rows = list(objs)
        for row in rows:
            row.complete()
        with transaction.atomic(using=self.db):
            MappingVersion.advance()
            return super().bulk_create(rows, *args, **kwargs)


class MappingModel(models.Model):
    """A row whose every change raises the version."""

    objects: ClassVar[models.Manager[Self]] = models.Manager.from_queryset(MappingQuerySet)()

    class Meta:
        """No table of its own."""

        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row and raise the version."""
        self.complete()
        with transaction.atomic():
            MappingVersion.advance()
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Remove the row and raise the version."""
        with transaction.atomic():
            MappingVersion.advance()
            return super().delete(*args, **kwargs)

    def complete(self) -> None:
        """What the row must have and nobody enters is there; it is called before the row is written."""
