"""Whether a click grows with what is on record: with 10, 1,000 and 100,000 services, rules, and sessions."""

import time
from collections.abc import Iterator

from tests.bench.clicks import CLICK_LIMIT
from tests.bench.services import check_answered, known_service, starting
from tests.bench.stage import ACCOUNT, ROLE, Stage
from tests.bench.table import Row
from tests.bench.unit import children_of, cpu_seconds_of_processes
from tests.http_browser import HttpBrowser

CLICKS = 200
# Beyond every number that the site itself has given.
FIRST = 1_000_000
EVERY_PATTERN = 10

# A row that is there again and again, but for what must differ.
AGAIN = """
INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(one) || jsonb_build_object({but}))).*
FROM (SELECT * FROM {table} {which} LIMIT 1) one, generate_series({first}, {last}) n
"""
SERVICES = {
    "idp_serviceprovider": "'id', n, 'entity_id', 'https://sp' || n || '.example.test/'",
    "idp_persistentnameid": "'id', n, 'value', '_' || n, 'entity_id', 'https://sp' || n || '.example.test/'",
}
RULES = {"idp_rule": "'id', n, 'name', 'rule ' || n, 'group_id', 'group-' || n, 'effect', 'allow'"}
PATTERNS = """
UPDATE idp_rule SET group_id = '', base = 'ou=aws,ou=groups,dc=example,dc=test', role_id = NULL,
 pattern = 'TEAM' || id || '-(?P<account>[0-9]{{12}})-(?P<role>[A-Za-z0-9]{{1,64}})'
WHERE id BETWEEN {first} AND {last} AND id % {every} = 0;
UPDATE idp_mappingversion SET number = number + 1
"""
SESSIONS = {
    "idp_user": "'id', n, 'account_key', 'bench:' || n, 'username', 'p' || n, 'session_name', 'p' || n,"
    " 'persistent_id', '_' || n",
    "idp_sitesession": "'key_hash', md5(n::text), 'user_id', n",
    "idp_servicesession": "'id', n, 'session_hash', md5(n::text), 'user_id', n, 'name_id', '_' || n",
    "idp_accesssession": "'id', gen_random_uuid(), 'assertion_id', '_' || n, 'user_id', n",
}
WHICH = {
    "idp_rule": "WHERE group_id <> '' AND effect = 'allow'",
    "idp_sitesession": "WHERE signed_in_at IS NOT NULL",
}


def figures(stage: Stage) -> Iterator[Row]:
    """For each kind and number a click for AWS and one for a service; what was added before is gone again."""
    stage.web()
    browser, service = stage.browser(), known_service(stage)
    start = starting(browser, service)
    check_answered(start(), stage)
    browser.document(ACCOUNT, ROLE)
    # The sessions come last: their rows are the only ones that stay.
    for kind, tables in (
        ("service providers", SERVICES),
        ("rules", RULES),
        ("live sessions and accesses", SESSIONS),
    ):
        there = 0
        for size in stage.effort.sizes:
            grow(stage, tables, there, size)
            there = size
            # Meanwhile the site has closed what was idle.
            browser.connection.close()
            if kind == "rules":
                yield first_click(stage, browser, size)
            yield stage.measure(
                f"console click, {size:,} {kind}",
                lambda: browser.document(ACCOUNT, ROLE),
                times=CLICKS,
                limit=CLICK_LIMIT,
            )
            yield stage.measure(
                f"click on a service, {size:,} {kind}", start, times=CLICKS, limit=CLICK_LIMIT
            )
            yield stage.measure(
                f"page of roles, {size:,} {kind}", lambda: browser.ask("GET", "/"), times=CLICKS // 2
            )
        if tables is not SESSIONS:
            for table in tables:
                stage.query(f"DELETE FROM {table} WHERE id >= {FIRST}")  # noqa: S608 - our own words
            stage.query("UPDATE idp_mappingversion SET number = number + 1")


def grow(stage: Stage, tables: dict[str, str], there: int, size: int) -> None:
    """So many rows have been added to each of these tables, and the database knows how large they are."""
    first, last = FIRST + there, FIRST + size - 1
    for table, but in tables.items():
        which = WHICH.get(table, "")
        stage.query(AGAIN.format(table=table, but=but, which=which, first=first, last=last))
    if tables is RULES:
        stage.query(PATTERNS.format(first=first, last=last, every=EVERY_PATTERN))
    # What our own person has clicked so far would grow along.
    stage.query(f"DELETE FROM idp_accesssession WHERE user_id < {FIRST}")  # noqa: S608 - our own words
    stage.query(f"DELETE FROM idp_servicesession WHERE user_id < {FIRST}")  # noqa: S608 - our own words
    stage.query("VACUUM ANALYZE")


def first_click(stage: Stage, browser: HttpBrowser, size: int) -> Row:
    """What the first click after a change of the rules costs, which each worker pays once: it files them anew."""
    pids = children_of(stage.web().pid)
    before, began = cpu_seconds_of_processes(pids), time.monotonic()
    browser.document(ACCOUNT, ROLE)
    took = time.monotonic() - began
    cpu = cpu_seconds_of_processes(pids) - before
    remark = f"once a worker after each change; {took:.1f} s in all, one in {EVERY_PATTERN} is a pattern"
    return Row(f"console click, {size:,} rules just changed", cpu, remark=remark)
