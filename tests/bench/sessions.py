"""What tracking costs with few and with very many accesses on record, on PostgreSQL: figures and plans.

`python -m tests.bench.sessions` makes its own server and fills it: 1,000,000 live and 10,000,000 ended accesses take
some minutes and gigabytes. `--live N --ended N` ask for fewer. Each size is measured in a process of its own.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from tests.bench.stage import Stage
from tests.bench.table import Row
from tests.servers.postgres import Postgres
from tests.servers.site import ROOT, own_database

LIVE, ENDED = 1_000_000, 10_000_000
FEW = 20
PEOPLE = 20_000
TIMES = 60
DUE = 200
TURNS_OF_SWEEP = 12
BLOCK = 500_000


def main() -> None:
    """Few and many, one after the other, with the plans."""
    reader = argparse.ArgumentParser(prog="python -m tests.bench.sessions", description=__doc__)
    reader.add_argument("--live", type=int, default=LIVE, help="accesses that are not over")
    reader.add_argument("--ended", type=int, default=ENDED, help="accesses that are over")
    reader.add_argument("--measure", action="store_true", help="in the database that DATABASE_URL names")
    options = reader.parse_args()
    if options.measure:
        print_figures(options.live, options.ended)
        return
    for text in measured(options.live, options.ended):
        print(text)


def rows(stage: Stage) -> Iterator[Row]:
    """Few and many, one after the other, as rows of the table: times, because most of it is the database's work."""
    for text in measured(stage.effort.live, stage.effort.ended):
        heading, *lines = text.strip().splitlines()
        yield Row(heading)
        for name, milliseconds in (line.strip().rsplit(":", 1) for line in lines if line.endswith(" ms")):
            yield Row(f"  {name}", remark=f"{milliseconds.strip()} in all, median")


def measured(live: int, ended: int) -> Iterator[str]:
    """What a process of its own tells of a twentieth of these accesses, and of all of them."""
    roomy = ("max_wal_size=8GB", "maintenance_work_mem=512MB", "shared_buffers=512MB")
    with Postgres(options=roomy) as server:
        for some, over in ((live // FEW, ended // FEW), (live, ended)):
            environment = {
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                "DATABASE_URL": own_database(server, f"sessions_{over}"),
            }
            run = subprocess.run(
                [
                    sys.executable, "-m", "tests.bench.sessions", "--measure", "--live", str(some),
                    "--ended", str(over),
                ],
                env=environment,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )  # fmt: skip
            yield run.stdout


def print_figures(live: int, ended: int) -> None:
    """Fill the tables of this process's database, then measure."""
    import django  # noqa: PLC0415 - only this process loads the site

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - likewise

    call_command("migrate", verbosity=0)
    now = datetime.now(UTC)
    began = time.monotonic()
    fill(live, ended, now)
    print(f"\n{live:,} live and {ended:,} ended accesses (filled in {time.monotonic() - began:.0f} s)")
    for name, milliseconds in figures(now, due_at_once=min(DUE, live // TURNS_OF_SWEEP)):
        print(f"  {name + ':':<58} {milliseconds:8.2f} ms")
    for name, plan in plans(now):
        print(f"  plan of {name}:")
        print("".join(f"      {line}\n" for line in plan), end="")


def fill(live: int, ended: int, now: datetime) -> None:
    """People, live accesses that end one by one over twelve hours, and ended ones over two years."""
    from django.db import connection  # noqa: PLC0415 - Django is set up only now

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            "INSERT INTO idp_user (password, account_key, directory, username, display_name, mail,"
            " session_name, persistent_id, is_staff, is_active, created_at)"
            " SELECT '!', 'directory:' || n, 'directory', 'p' || n, 'P ' || n, '', 'p' || n, '_' || n, false, true,"
            " %s"
            " FROM generate_series(1, %s) n",
            [now, PEOPLE],
        )
        for state, count, ends in (
            ("active", live, "%s + make_interval(secs => 600 + n %% 42600)"),
            ("ended", ended, "%s - make_interval(secs => 1 + n * 6)"),
        ):
            for start in range(1, count + 1, BLOCK):
                cursor.execute(
                    "INSERT INTO idp_accesssession (id, user_id, kind, state, role_arn, account_name,"  # noqa: S608 - our own words
                    " environment, colour, session_name, rule_number, rule_name, group_dn, road, narrowing,"
                    " assertion_id, access_key_id, reference, address, client, started_at, ends_at, ended_at)"
                    " SELECT gen_random_uuid(), (SELECT min(id) FROM idp_user) + n %% %s, 'credentials', %s,"
                    " 'arn:aws:iam::111122223333:role/Role' || n %% 500, 'Account', 'production', 'red', 'p', 1,"
                    " 'rule', 'cn=group,dc=example,dc=test', 'saml', '', '_' || gen_random_uuid(), 'ASIAMADEUP',"
                    " 'REFERENCE', '192.0.2.7', 'client', %s,"
                    f" {ends}, {'NULL' if state == 'active' else ends}"
                    " FROM generate_series(%s, %s) n",
                    [
                        PEOPLE, state, now - timedelta(hours=1), now, *([] if state == "active" else [now]),
                        start, min(start + BLOCK - 1, count),
                    ],
                )  # fmt: skip
        cursor.execute("ANALYZE")
        cursor.execute("SET statement_timeout = 5000")


def figures(now: datetime, *, due_at_once: int) -> Iterator[tuple[str, float]]:
    """The median time of each thing that people and workers do."""
    from idp.models import AccessSession, User  # noqa: PLC0415 - Django is set up only now
    from idp.services.access_sessions import held_until, list_accesses, mark_ended, warn_of_ends  # noqa: PLC0415
    from idp.services.endings import demand_endings  # noqa: PLC0415

    people = list(User.objects.order_by("pk")[:TIMES])
    yield "record one access and take it up", timed(lambda number: record(people[number], now))
    yield "list one's own", timed(lambda number: list_accesses(people[number], now=now))
    yield "until when each role is held", timed(lambda number: held_until(people[number], now=now))
    due = list(
        AccessSession.objects.open_at(now)
        .order_by("ends_at")
        .values_list("ends_at", flat=True)[: due_at_once * TURNS_OF_SWEEP : due_at_once]
    )
    yield (
        f"one sweep that marks {due_at_once}",
        timed(lambda number: mark_ended(now=due[number + 1], limit=DUE), times=TURNS_OF_SWEEP - 2),
    )
    yield "one sweep that finds nothing", timed(lambda _: mark_ended(now=now, limit=DUE))
    yield "one look for ends to warn of", timed(lambda _: warn_of_ends(now=now))
    yield (
        "everything of one person is to end",
        timed(lambda number: demand_endings(people[number], reason="bench", now=now), times=20),
    )


def timed(operation: Callable[[int], object], *, times: int = TIMES) -> float:
    """The median in milliseconds; the first ones warm up."""
    taken = []
    for number in range(times):
        began = time.perf_counter()
        operation(number)
        taken.append(time.perf_counter() - began)
    return median(taken[times // 10 :]) * 1_000


def record(person: Any, now: datetime) -> None:
    """One access, from the offer to the credentials, with both rows of the audit."""
    from idp.domain.access_session import AccessKind  # noqa: PLC0415 - Django is set up only now
    from idp.domain.aws.duration import shortest_duration  # noqa: PLC0415
    from idp.domain.entitlements import Entitlement, Ground  # noqa: PLC0415
    from idp.domain.events import AuditEvent  # noqa: PLC0415
    from idp.domain.origin import Origin  # noqa: PLC0415
    from idp.models.compiled import insert_together  # noqa: PLC0415
    from idp.services.access_sessions import access_row, activate_access  # noqa: PLC0415
    from idp.services.audit import event_row  # noqa: PLC0415
    from idp.web.identifiers import new_ids  # noqa: PLC0415
    from tests.unit.idp.domain.made_up import exact, group, role  # noqa: PLC0415

    origin = Origin("192.0.2.7", "REFERENCE", "bench")
    given = shortest_duration(rule=None, role=role().longest)
    access = access_row(
        person=person,
        kind=AccessKind.CREDENTIALS,
        entitlement=Entitlement(role(), given, Ground(exact(), group())),
        session_name="p",
        assertion_id=new_ids().assertion,
        narrowing="",
        ends_at=now + given.duration,
        origin=origin,
        now=now,
    )
    insert_together(access, event_row(AuditEvent.ACCESS_OFFERED, at=now, origin=origin))
    activate_access(
        access.pk,
        ends_at=now + given.duration,
        access_key_id="ASIAMADEUP",
        issued_at=now,
        origin=origin,
        now=now,
    )


def plans(now: datetime) -> Iterator[tuple[str, list[str]]]:
    """How PostgreSQL answers what grows with the table: by an index each, never by reading all of it."""
    from idp.models import AccessSession, User  # noqa: PLC0415 - Django is set up only now

    person = User.objects.order_by("pk").first()
    asked: dict[str, Any] = {
        "one's own": AccessSession.objects.filter(user=person, ends_at__gt=now).order_by("-ends_at")[:200],
        "the sweep": AccessSession.objects.due_to_end(now)[:DUE],
        "the warning": AccessSession.objects.due_to_warn(now),
    }
    for name, rows in asked.items():
        yield name, rows.explain().splitlines()


if __name__ == "__main__":
    main()
