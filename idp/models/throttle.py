"""Counters of wrong passwords: per name, known browser, account, address and network, and in total."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import connections, models


@dataclass(frozen=True, slots=True)
class Limit:
    """One counter that a try is counted under: at most so many within the window.

    The window begins with the first try, or, where it `slides`, anew with each. After so many tries of `waits`
    the next has to wait so long.
    """

    key: str
    most: int
    window: timedelta
    slides: bool = False
    waits: tuple[tuple[int, timedelta], ...] = ()


class SignInCounterQuerySet(models.QuerySet["SignInCounter"]):
    """Counting is one statement, so that tries at the same moment cannot pass each other."""

    def claim(self, limits: Sequence[Limit], *, now: datetime) -> frozenset[str]:
        """One more try is counted under each of these keys that is below its limit; gives those keys.

        A counter whose window is over begins anew. Rows are locked in the order of `limits`, which must
        be the same one everywhere.
        """
        self._for_write = True
        connection = connections[self.db]
        adapted = connection.ops.adapt_datetimefield_value
        moment = adapted(now)
        counted = connection.ops.quote_name(self.model._meta.db_table)
        sliding = [limit.key for limit in limits if limit.slides]
        waits = [(limit.key, tries, adapted(now + wait)) for limit in limits for tries, wait in limit.waits]
        # Nothing but names of ours and numbers of placeholders is put into the text.
        statement = f"""
            INSERT INTO {counted} AS counted (key, failures, since, expires_at, retry_at)
            VALUES {", ".join(["(%s, 1, %s, %s, NULL)"] * len(limits))}
            ON CONFLICT (key) DO UPDATE SET
                failures = CASE WHEN counted.expires_at <= %s THEN 1 ELSE counted.failures + 1 END,
                since = CASE WHEN counted.expires_at <= %s THEN excluded.since ELSE counted.since END,
                expires_at = CASE WHEN counted.expires_at <= %s OR counted.key IN {_places(sliding)}
                                  THEN excluded.expires_at ELSE counted.expires_at END,
                retry_at = CASE WHEN counted.expires_at <= %s THEN excluded.retry_at
                                {"WHEN counted.key = %s AND counted.failures + 1 = %s THEN %s " * len(waits)}
                                ELSE excluded.retry_at END
            WHERE counted.expires_at <= %s
               OR (counted.failures < CASE counted.key {"WHEN %s THEN %s " * len(limits)} END
                   AND (counted.retry_at IS NULL OR counted.retry_at <= %s))
            RETURNING key
        """  # noqa: S608 - see above
        parameters: list[Any] = []
        for limit in limits:
            parameters += [limit.key, moment, adapted(now + limit.window)]
        parameters += [moment, moment, moment, *sliding, moment]
        for key, tries, until in waits:
            parameters += [key, tries, until]
        parameters.append(moment)
        for limit in limits:
            parameters += [limit.key, limit.most]
        with connection.cursor() as cursor:
            cursor.execute(statement, [*parameters, moment])
            return frozenset(key for (key,) in cursor.fetchall())

    def settle(self, keys: Sequence[str], *, cleared: Collection[str], now: datetime) -> None:
        """Of these keys the cleared ones count nothing any more, the others one try less; none has to wait.

        Written like `claim`, and not as a plain update, because only so the rows are locked in our order.
        """
        self._for_write = True
        connection = connections[self.db]
        moment = connection.ops.adapt_datetimefield_value(now)
        counted = connection.ops.quote_name(self.model._meta.db_table)
        statement = f"""
            INSERT INTO {counted} AS counted (key, failures, since, expires_at)
            VALUES {", ".join(["(%s, 0, %s, %s)"] * len(keys))}
            ON CONFLICT (key) DO UPDATE SET
                failures = CASE WHEN counted.key IN {_places(cleared)} OR counted.failures = 0 THEN 0
                                ELSE counted.failures - 1 END,
                retry_at = NULL
        """  # noqa: S608 - likewise
        parameters: list[Any] = []
        for key in keys:
            parameters += [key, moment, moment]
        with connection.cursor() as cursor:
            cursor.execute(statement, [*parameters, *cleared])


def _places(values: Collection[str]) -> str:
    """A list of placeholders; one that holds nothing where there are no values."""
    return f"({', '.join(['%s'] * len(values)) or 'NULL'})"


class SignInCounter(models.Model):
    """How many tries one key has had since `since`; `key` is a kind and a hash, never a typed name.

    Before `retry_at` the next one is too early.
    """

    key = models.CharField(max_length=80, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    retry_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["SignInCounter"]] = models.Manager.from_queryset(SignInCounterQuerySet)()

    def __str__(self) -> str:
        return self.key
