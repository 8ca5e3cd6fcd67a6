"""Statements compiled once: what the way of a sign-in and a click asks each time, at a quarter of the cost.

Django builds and compiles a query set anew for every use, which takes several times what running it does.
Whatever is not on that way uses Django's own way.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models, transaction

Row = TypeVar("Row", bound=models.Model)
# What every driver takes for what it is.
PLAIN = frozenset({str, int, bool, type(None)})


class CompiledQuery:
    """A query set as a statement; its parameters are given in the order in which its filters stand."""

    def __init__(self, query_set: Callable[[], "models.QuerySet[Any, Any]"]) -> None:
        """Nothing is compiled before the first use; `query_set` is called once and its values are ignored."""
        self._query_set = query_set

    @cached_property
    def _compiled(self) -> tuple[str, int, list[tuple[int, list[Any], Any]]]:
        compiler = self._query_set().query.get_compiler(DEFAULT_DB_ALIAS)
        statement, parameters = compiler.as_sql()
        columns = [selected[0] for selected in compiler.select]
        converters = compiler.get_converters(columns)
        return (
            statement,
            len(parameters),
            [(index, functions, column) for index, (functions, column) in converters.items()],
        )

    def rows(self, *parameters: Any) -> Iterator[list[Any]]:
        """Every row of the answer as Python values; refuses another number of parameters than the filters take."""
        statement, wanted, converters = self._compiled
        if len(parameters) != wanted:
            raise TypeError(f"{len(parameters)} parameters for {wanted} places")
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            answer = cursor.fetchall()
        for values in answer:
            row = list(values)
            for index, functions, column in converters:
                for convert in functions:
                    row[index] = convert(row[index], column, connection)
            yield row

    def row(self, *parameters: Any) -> list[Any] | None:
        """The first row of the answer, if there is one."""
        return next(self.rows(*parameters), None)


def from_values(model: type[Row], values: Sequence[Any]) -> Row:
    """The model's row from the values of all its columns, as a query set would give it."""
    names = [field.attname for field in model._meta.concrete_fields]
    return model.from_db(DEFAULT_DB_ALIAS, names, list(values))


@cache
def _insertion(
    model: type[models.Model], *, is_conditional: bool = False
) -> tuple[str, tuple["models.Field[Any, Any]", ...]]:
    """The statement that adds one row, if that holds, and the fields whose values it takes.

    The database numbers rows itself.
    """
    fields = tuple(
        field for field in model._meta.local_concrete_fields if not isinstance(field, models.AutoField)
    )
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    given = f"VALUES ({places})"
    # Nothing but names of our own tables and columns is put into the text.
    if is_conditional:
        given = f"SELECT {places} WHERE (SELECT yes FROM allowed)"  # noqa: S608 - see above
    return f"INSERT INTO {quote(model._meta.db_table)} ({columns}) {given}", fields


def _values_of(row: models.Model, fields: Sequence["models.Field[Any, Any]"]) -> list[Any]:
    """What the row holds, as the database takes it; most of it as it is, which need not be asked of the field."""
    values = []
    for field in fields:
        value = getattr(row, field.attname)
        is_plain = type(value) in PLAIN and not isinstance(field, models.JSONField)
        values.append(value if is_plain else field.get_db_prep_save(value, connection))
    return values


def insert_row(row: models.Model) -> None:
    """The row is in its table when the running transaction commits; a number that the table gives is not read."""
    statement, fields = _insertion(type(row))
    values = _values_of(row, fields)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
    _tell_when_committed(row)


def _tell_when_committed(*rows: models.Model) -> None:
    """What a row has as `when_written` is called once the transaction that wrote it has committed."""
    for row in rows:
        if told := getattr(row, "when_written", None):
            transaction.on_commit(told, robust=True)


def insert_or_change(row: models.Model, *, changed: Sequence[str]) -> None:
    """The row is in its table; where one with its primary key is there already, these fields of it are changed."""
    statement, fields = _insertion(type(row))
    values = _values_of(row, fields)
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} {_change(type(row), tuple(changed))}", values)


@cache
def _change(model: type[models.Model], changed: tuple[str, ...]) -> str:
    quote = connection.ops.quote_name
    fields = model._meta.local_concrete_fields
    columns = [quote(str(field.column)) for field in fields if field.name in changed]
    news = ", ".join(f"{column} = excluded.{column}" for column in columns)
    return f"ON CONFLICT ({quote(str(model._meta.pk.column))}) DO UPDATE SET {news}"


def insert_together(*rows: models.Model) -> None:
    """All of these rows are in their tables, or none is; one statement where the database can do that."""
    if connection.vendor != "postgresql":
        with transaction.atomic():
            for row in rows:
                insert_row(row)
        return
    _insert_in_one(rows)


@dataclass(frozen=True)
class Condition:
    """A statement that gives one truth or nothing: a question, or a change that RETURNS (SQLite: from 3.35 on)."""

    statement: str
    values: tuple[Any, ...]


def insert_if(condition: Condition, *rows: models.Model) -> bool:
    """All of these rows are in their tables if the condition held; False, and none of them is, if it did not.

    Where it is a change, of two who come at once one has its answer. One statement where the database can do that.
    """
    if connection.vendor == "postgresql" and rows:
        return _insert_in_one(rows, condition)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(condition.statement, condition.values)
        answer = cursor.fetchone()
        if not (answer and answer[0]):
            return False
        for row in rows:
            insert_row(row)
    return True


def _insert_in_one(rows: Sequence[models.Model], condition: Condition | None = None) -> bool:
    """Whether the rows were written: all of them, unless there is a condition and it did not hold."""
    parts: list[str] = []
    values: list[Any] = []
    if condition is not None:
        parts.append(f"allowed(yes) AS ({condition.statement})")
        values += condition.values
    for number, row in enumerate(rows):
        statement, fields = _insertion(type(row), is_conditional=condition is not None)
        parts.append(f"r{number} AS ({statement})" if row is not rows[-1] else statement)
        values += _values_of(row, fields)
    *first, last = parts
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(first)} {last}" if first else last, values)
        is_written = bool(cursor.rowcount)
    if is_written:
        _tell_when_committed(*rows)
    return is_written
