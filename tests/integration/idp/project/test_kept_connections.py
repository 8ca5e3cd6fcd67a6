"""A kept database connection is checked without a statement, and one that the server has ended is not used."""

import json
import subprocess
import sys
import time

import psycopg2
import pytest
from django.db import connection

from tests.servers.postgres import Postgres
from tests.servers.site import ROOT

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def at_the_next_request() -> int:
    """What every request begins with, and the process at the server that answers its first statement."""
    connection.close_if_unusable_or_obsolete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def statement_before_this_one(pid: int, server: Postgres) -> str:
    """The last statement that this connection has sent."""
    return server.query(f"SELECT query FROM pg_stat_activity WHERE pid = {pid}")  # noqa: S608 - a number


def test_a_sound_connection_is_kept_and_asked_nothing(postgres: Postgres) -> None:
    """Between two requests nothing is sent."""
    first = at_the_next_request()
    connection.close_if_unusable_or_obsolete()
    connection.close_if_health_check_failed()
    assert statement_before_this_one(first, postgres) == "SELECT pg_backend_pid()"
    assert at_the_next_request() == first


@pytest.mark.fault(9)
def test_a_connection_that_the_server_has_ended_is_replaced_before_it_is_used(postgres: Postgres) -> None:
    """The request that comes next is answered on a new one."""
    first = at_the_next_request()
    postgres.query(f"SELECT pg_terminate_backend({first})")
    deadline = time.monotonic() + 10
    while connection.is_usable():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert at_the_next_request() != first


def test_after_an_error_the_server_itself_is_asked() -> None:
    """A socket on which nothing comes is no proof then."""
    first = at_the_next_request()
    with connection.cursor() as cursor, pytest.raises(psycopg2.Error):
        cursor.connection.cursor().execute("nonsense")
    connection.errors_occurred = True
    assert connection.is_usable()
    assert at_the_next_request() == first
    assert not connection.errors_occurred


# In a network of its own, which is cut off before a statement, or while one is under way.
VANISHES = """
import json, subprocess, sys, threading, time
import psycopg2
from idp.project.env import Environment
from tests.servers.postgres import Postgres

def loopback(state):
    subprocess.run(["ip", "link", "set", "lo", state], check=True)

loopback("up")
with Postgres() as server:
    options = Environment({"DATABASE_URL": server.url()}).database("DATABASE_URL")["OPTIONS"]
    waited = []
    for statement, after in (("SELECT 1", None), ("SELECT pg_sleep(4.5)", 0.5)):
        connection = psycopg2.connect(server.url(), **options)
        if after is None:
            loopback("down")
        else:
            threading.Timer(after, loopback, ["down"]).start()
        began = time.monotonic()
        try:
            connection.cursor().execute(statement)
        except psycopg2.OperationalError:
            waited.append(time.monotonic() - began)
        loopback("up")
print(json.dumps(waited))
"""


@pytest.mark.fault(8)
def test_a_server_that_has_vanished_without_a_word_is_given_up_in_seconds() -> None:
    """A machine without power ends no connection: neither what is sent nor what is waited for takes minutes."""
    run = subprocess.run(
        ["unshare", "--net", "--pid", "--fork", "--kill-child", sys.executable, "-c", VANISHES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    waited = json.loads(run.stdout)
    assert len(waited) == 2, "both were given up"
    assert max(waited) < 5
