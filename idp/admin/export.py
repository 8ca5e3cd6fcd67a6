"""Records as CSV that a spreadsheet shows and never runs (AD-04)."""

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

ROWS_AT_ONCE = 2_000
# What spreadsheets take for the beginning of a formula; tab and line ends because they skip them.
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - full-width forms count too


class Line:
    """A file that only hands back what was written last."""

    def write(self, text: str) -> str:
        """The line as text."""
        return text


def inert(value: object) -> str:
    """The value as text that no spreadsheet takes for a formula: an apostrophe makes it plain text."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_BEGINS) else text


def csv_lines(columns: tuple[str, ...], rows: QuerySet[Any]) -> Iterator[str]:
    """The heading and one line a record."""
    writer = csv.writer(Line(), quoting=csv.QUOTE_ALL)
    yield writer.writerow(columns)
    for values in rows.values_list(*columns).iterator(chunk_size=ROWS_AT_ONCE):
        yield writer.writerow([inert(value) for value in values])


@admin.action(description="Export the chosen records as CSV", permissions=["view"])
def export_csv(
    model_admin: "admin.ModelAdmin[Any]", _request: HttpRequest, rows: QuerySet[Any]
) -> StreamingHttpResponse:
    """The chosen records leave as a file; `export_columns` of the admin names what is in it."""
    columns: tuple[str, ...] = model_admin.export_columns  # type: ignore[attr-defined] # each read-only admin names its own
    response = StreamingHttpResponse(csv_lines(columns, rows), content_type="text/csv; charset=utf-8")
    name = model_admin.model._meta.model_name
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response
