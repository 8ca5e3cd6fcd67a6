"""Every reader of the environment: what it gives, and how nonsense is named."""

import re
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from idp.project.env import Environment


def test_text_comes_from_the_variable_or_from_its_file(tmp_path: Path) -> None:
    """`NAME_FILE` gives the file's content without its last line end; both at once are refused."""
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    assert Environment({"NAME": "plain"}).text("NAME") == "plain"
    assert Environment({"NAME_FILE": str(secret)}).text("NAME") == "from a file"
    with pytest.raises(ImproperlyConfigured, match="NAME and NAME_FILE are both set"):
        Environment({"NAME": "plain", "NAME_FILE": str(secret)}).text("NAME")
    with pytest.raises(ImproperlyConfigured, match="NAME_FILE cannot be read"):
        Environment({"NAME_FILE": str(tmp_path / "absent")}).text("NAME")


def test_a_missing_value_is_named_unless_it_has_a_default() -> None:
    """What has no default must be given."""
    assert Environment({}).text("NAME", "default") == "default"
    with pytest.raises(ImproperlyConfigured, match="NAME is not set"):
        Environment({}).text("NAME")


@pytest.mark.parametrize(("word", "meaning"), [("true", True), ("ON", True), ("0", False), ("", False)])
def test_switches_know_the_usual_words(word: str, *, meaning: bool) -> None:
    """True and false are read in their usual spellings."""
    assert Environment({"NAME": word}).switch("NAME", default=not meaning) is meaning


@pytest.mark.parametrize("word", ["perhaps", "2", "truefalse"])
def test_switches_refuse_other_words(word: str) -> None:
    """Anything else stops the start."""
    with pytest.raises(ImproperlyConfigured, match="NAME must be true or false"):
        Environment({"NAME": word}).switch("NAME", default=False)


@pytest.mark.parametrize("word", ["-1", "1.5", "1e3", "", "99", "٦٠", "1\n2", "0x10", "9" * 30])
def test_numbers_refuse_nonsense_and_what_lies_outside(word: str) -> None:
    """Only plain ASCII digits within the limits are a number."""
    assert Environment({"NAME": "60"}).number("NAME", 1, at_least=1, at_most=60) == 60
    with pytest.raises(ImproperlyConfigured, match="NAME must be a whole number from 1 to 60"):
        Environment({"NAME": word}).number("NAME", 1, at_least=1, at_most=60)


def test_pairs_are_a_table() -> None:
    """Each part has a key and a value, each key once."""
    assert Environment({"NAME": "a=b, c=d=e"}).pairs("NAME") == {"a": "b", "c": "d=e"}
    for nonsense in ("a", "=b", "a=", "a=b,a=c"):
        with pytest.raises(ImproperlyConfigured, match="NAME"):
            Environment({"NAME": nonsense}).pairs("NAME")


@pytest.mark.parametrize(
    "address",
    [
        "idp.example.com", "ftp://idp.example.com", "https://", "https://u:p@idp.example.com",
        "https://idp.example.com/?a=b", "https://idp.example.com/#x", " https://idp.example.com",
        "https://idp.example.com:port", "https://[::1",
    ],
)  # fmt: skip
def test_addresses_refuse_what_is_none(address: str) -> None:
    """An address has a scheme of the web, a host, and nothing that could lead elsewhere."""
    assert Environment({"NAME": "https://idp.example.com/"}).address("NAME") == "https://idp.example.com"
    with pytest.raises(ImproperlyConfigured, match="NAME must be an address"):
        Environment({"NAME": address}).address("NAME")


def test_databases_are_named_by_address() -> None:
    """SQLite and PostgreSQL addresses become Django's settings; escaped parts are unescaped."""
    sqlite = Environment({"NAME": "sqlite:////var/lib/db.sqlite3"}).database("NAME")
    assert sqlite["NAME"] == "/var/lib/db.sqlite3"
    assert sqlite["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    postgresql = Environment({"NAME": "postgresql://u:p%40ss@db:5433/idp?sslmode=verify-full"}).database(
        "NAME"
    )
    assert (postgresql["USER"], postgresql["PASSWORD"], postgresql["HOST"]) == ("u", "p@ss", "db")
    assert (postgresql["PORT"], postgresql["NAME"]) == ("5433", "idp")
    assert postgresql["OPTIONS"]["sslmode"] == "verify-full"
    assert "statement_timeout" in postgresql["OPTIONS"]["options"]
    for nonsense in ("mysql://x/y", "sqlite://", "postgresql://db", "postgresql://db:port/x"):
        with pytest.raises(ImproperlyConfigured, match="NAME"):
            Environment({"NAME": nonsense}).database("NAME")


@given(st.text(max_size=80))
def test_whatever_stands_there_the_answer_is_a_value_or_a_named_refusal(text: str) -> None:
    """No reader ends in an unnamed error."""
    environment = Environment({"NAME": text})
    for reader in (environment.address, environment.database, environment.pairs, environment.words):
        try:
            reader("NAME")
        except ImproperlyConfigured as refusal:
            assert "NAME" in str(refusal)  # noqa: PT017 - a value is as good an answer


def test_a_value_is_in_its_grammar_or_the_default() -> None:
    """Missing or empty gives the default; what is written otherwise stops the start with an example."""
    grammar = re.compile(r"[a-z.]+", re.ASCII)
    for variables, value in (({}, "a.b"), ({"NAME": ""}, "a.b"), ({"NAME": "c.d"}, "c.d")):
        assert Environment(variables).matching("NAME", grammar, default="a.b", such_as="x.y") == value
    with pytest.raises(ImproperlyConfigured, match=r"written like x\.y"):
        Environment({"NAME": "C D"}).matching("NAME", grammar, default="a.b", such_as="x.y")
