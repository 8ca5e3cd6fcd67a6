"""Records leave as CSV that a spreadsheet shows and never runs."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.admin.export import csv_lines, inert
from idp.domain.events import AuditEvent
from idp.models import AuditRecord
from idp.services.audit import write_event

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1+1",
    "\uff1d1+1",
    '=HYPERLINK("http://evil")',
]


@pytest.mark.attack("AD-04")
@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_becomes_text(text: str) -> None:
    """A cell that begins like a formula begins with an apostrophe instead."""
    assert inert(text) == f"'{text}"


@pytest.mark.parametrize("text", ["jane", "1+1", "arn:aws:iam::111122223333:role/ReadOnly", "", "a=b"])
def test_plain_text_stays_as_it_is(text: str) -> None:
    """The twin: what no spreadsheet runs is not touched."""
    assert inert(text) == text


@given(st.text())
def test_no_cell_begins_like_a_formula(text: str) -> None:
    """Whatever a person or a directory holds, the cell is inert."""
    assert not inert(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.attack("AD-04")
@pytest.mark.django_db
def test_an_export_reads_back_as_it_was_recorded() -> None:
    """Commas, quotes, line ends and formulas in a record stay one cell each."""
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    hostile = "=cmd|' /C calc'!A0\",\"x\r\ny"
    write_event(AuditEvent.SIGN_IN_ADMITTED, at=at, person=hostile)
    lines = "".join(csv_lines(("at", "event", "person"), AuditRecord.objects.all()))
    [heading, row] = csv.reader(io.StringIO(lines, newline=""))
    assert heading == ["at", "event", "person"]
    assert row == [str(at), "person:sign-in:admitted", f"'{hostile}"]
