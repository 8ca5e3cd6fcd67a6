"""Counters of sign-in tries, per name, per account and per address."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import connections, models


class SignInCounterQuerySet(models.QuerySet["SignInCounter"]):
    """Counting is one statement, so that tries at the same moment cannot pass each other."""

    def claim(self, limits: Mapping[str, int], *, window: timedelta, now: datetime) -> frozenset[str]:
        """One more try is counted under each of these keys that is below its limit; gives those keys.

        A counter whose window is over begins anew. Rows are locked in the order of `limits`, which must
        be the same one everywhere.
        """
        self._for_write = True
        connection = connections[self.db]
        moment = connection.ops.adapt_datetimefield_value(now)
        until = connection.ops.adapt_datetimefield_value(now + window)
        rows = ", ".join(["(%s, 1, %s, %s)"] * len(limits))
        limit_of_key = " ".join(["WHEN %s THEN %s"] * len(limits))
        counted = connection.ops.quote_name(self.model._meta.db_table)
        # Nothing but names of ours and numbers of placeholders is put into the text.
        statement = f"""
            INSERT INTO {counted} AS counted (key, failures, since, expires_at) VALUES {rows}
            ON CONFLICT (key) DO UPDATE SET
                failures = CASE WHEN counted.expires_at <= %s THEN 1 ELSE counted.failures + 1 END,
                since = CASE WHEN counted.expires_at <= %s THEN excluded.since ELSE counted.since END,
                expires_at = CASE WHEN counted.expires_at <= %s THEN excluded.expires_at
                                  ELSE counted.expires_at END
            WHERE counted.expires_at <= %s
               OR counted.failures < CASE counted.key {limit_of_key} END
            RETURNING key
        """  # noqa: S608 - see above
        parameters: list[Any] = []
        for key in limits:
            parameters += [key, moment, until]
        parameters += [moment] * 4
        for key, limit in limits.items():
            parameters += [key, limit]
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return frozenset(key for (key,) in cursor.fetchall())

    def settle(self, keys: Sequence[str], *, cleared: Collection[str], now: datetime) -> None:
        """Of these keys the cleared ones count nothing any more, the others one try less.

        Written like `claim`, and not as a plain update, because only so the rows are locked in our order.
        """
        self._for_write = True
        connection = connections[self.db]
        moment = connection.ops.adapt_datetimefield_value(now)
        counted = connection.ops.quote_name(self.model._meta.db_table)
        rows = ", ".join(["(%s, 0, %s, %s)"] * len(keys))
        kept = ", ".join(["%s"] * len(cleared)) or "NULL"
        statement = f"""
            INSERT INTO {counted} AS counted (key, failures, since, expires_at) VALUES {rows}
            ON CONFLICT (key) DO UPDATE SET
                failures = CASE WHEN counted.key IN ({kept}) OR counted.failures = 0 THEN 0
                                ELSE counted.failures - 1 END
        """  # noqa: S608 - likewise
        parameters: list[Any] = []
        for key in keys:
            parameters += [key, moment, moment]
        with connection.cursor() as cursor:
            cursor.execute(statement, [*parameters, *cleared])


class SignInCounter(models.Model):
    """How many tries one key has had since `since`; `key` is a kind and a hash, never a typed name."""

    key = models.CharField(max_length=80, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager["SignInCounter"]] = models.Manager.from_queryset(SignInCounterQuerySet)()

    def __str__(self) -> str:
        return self.key
