"""Statements compiled once: what the way of a sign-in and a click asks each time, at a quarter of the cost.

Django builds and compiles a query set anew for every use, which takes several times what running it does.
Whatever is not on that way uses Django's own way.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models, transaction

Row = TypeVar("Row", bound=models.Model)


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
def _insertion(model: type[models.Model]) -> tuple[str, tuple["models.Field[Any, Any]", ...]]:
    """The statement that adds one row, and the fields whose values it takes; the database numbers rows itself."""
    fields = tuple(
        field for field in model._meta.local_concrete_fields if not isinstance(field, models.AutoField)
    )
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    # Nothing but names of our own tables and columns is put into the text.
    return f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({places})", fields  # noqa: S608 - see above


def insert_row(row: models.Model) -> None:
    """The row is in its table when the running transaction commits; a number that the table gives is not read."""
    statement, fields = _insertion(type(row))
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def insert_together(*rows: models.Model) -> None:
    """All of these rows are in their tables, or none is; one statement where the database can do that."""
    if connection.vendor != "postgresql":
        with transaction.atomic():
            for row in rows:
                insert_row(row)
        return
    parts, values = [], []
    for number, row in enumerate(rows):
        statement, fields = _insertion(type(row))
        parts.append(f"r{number} AS ({statement})" if row is not rows[-1] else statement)
        values += [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    *first, last = parts
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(first)} {last}" if first else last, values)
