"""What the pages say: spans, browsers, sections, searches."""

from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict

from idp.domain.errors import Malformed
from idp.portal.forms import Wish, search_words
from idp.portal.roles import RoleRow, by_account, in_words
from idp.portal.sessions import browser_in_words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=0), "0 min"),
        (timedelta(seconds=59), "0 min"),
        (timedelta(minutes=45), "45 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=3, minutes=12, seconds=59), "3 h 12 min"),
        (timedelta(hours=12), "12 h"),
    ],
)
def test_spans_are_whole_minutes(span: timedelta, words: str) -> None:
    """Hours and minutes, rounded down: nobody is promised a minute that is not left."""
    assert in_words(span) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/156.0 Safari/537.36 Edg/156.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) Version/17.0 Safari/605.1", "Safari on macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) Version/17.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("curl/8.5.0", "curl"),
        ("<script>alert(1)</script>", "Unknown program"),
        ("", "Unknown program"),
    ],
)  # fmt: skip
def test_browsers_are_called_what_people_call_them(text: str, words: str) -> None:
    """The name and the system; what cannot be told is unknown, never echoed as it came."""
    assert browser_in_words(text) == words


def row(account: str, account_name: str, name: str) -> RoleRow:
    """A role on the page."""
    return RoleRow(
        arn=f"arn:aws:iam::{account}:role/{name}", account=account, account_name=account_name,
        environment="production", colour="red", name=name, lasts="1 h", console="", credentials="",
        bookmark="", narrow="", through="", by_broker=False,
        by_token=False, held_until=datetime(2026, 3, 2, tzinfo=UTC), left="",
    )  # fmt: skip


def test_roles_stand_by_account_in_the_order_of_the_names() -> None:
    """Two accounts of one name stay two sections; case does not disturb the order."""
    rows = [
        row("3" * 12, "beta", "b"),
        row("1" * 12, "Alpha", "z"),
        row("2" * 12, "Alpha", "y"),
        row("1" * 12, "Alpha", "A"),
    ]
    sections = [(section.account, [one.name for one in section.roles]) for section in by_account(rows)]
    assert sections == [("1" * 12, ["A", "z"]), ("2" * 12, ["y"]), ("3" * 12, ["b"])]


def test_a_search_wants_every_word_somewhere() -> None:
    """Words may stand in name, number, environment or role, in any case and order."""
    one = row("111122223333", "Zahlungen Größe", "ReadOnly")
    assert one.holds(search_words(QueryDict("q=readonly++1111"))[1])
    assert one.holds(search_words(QueryDict("q=GRÖSSE PROD"))[1])
    assert not one.holds(search_words(QueryDict("q=readonly+staging"))[1])


def test_a_wish_names_one_thing_once() -> None:
    """Empty means no wish; two values for one thing are refused."""
    assert Wish.read(QueryDict("to=&region=")) == Wish(to=None, region=None)
    assert Wish.read(QueryDict("to=https://x/&region=eu-west-1")) == Wish("https://x/", "eu-west-1")
    with pytest.raises(Malformed):
        Wish.read(QueryDict("to=a&to=b"))
