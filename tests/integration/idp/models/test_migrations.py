"""What migrations do to tables that are full: nothing that keeps everybody waiting while every row is read."""

import re

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
made_table = re.compile(r'CREATE TABLE "(\w+)"')
checked_table = re.compile(r'ALTER TABLE "(\w+)" ADD CONSTRAINT [^;]* FOREIGN KEY')
columns_indexed = "SELECT indexdef FROM pg_indexes WHERE tablename = 'idp_accesssession'"


@pytest.mark.fault(23)
def test_no_migration_checks_every_row_of_a_table_that_was_there_before() -> None:
    """A foreign key is added to a new table only: a full one would be read whole, and nobody signs in meanwhile."""
    loader = MigrationLoader(connection, replace_migrations=False)
    ours = sorted(key for key in loader.graph.nodes if key[0] == "idp")
    checked = {}
    for key in ours:
        text = "\n".join(loader.collect_sql([(loader.graph.nodes[key], False)]))
        checked[key[1]] = set(checked_table.findall(text)) - set(made_table.findall(text))
    assert len(checked) > 20
    assert {name: tables for name, tables in checked.items() if tables} == {}


def test_a_person_s_accesses_have_one_index() -> None:
    """The one that begins with the person serves the foreign key as well; a second would be written for nothing."""
    with connection.cursor() as cursor:
        cursor.execute(columns_indexed)
        of_person = [text for (text,) in cursor.fetchall() if "(user_id" in text]
    assert len(of_person) == 1
