"""`manage.py break_glass`."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from idp.models import User

pytestmark = pytest.mark.django_db

PASSWORD = "a-long-enough-password"


def run(*arguments: str) -> str:
    """What the command prints."""
    out = io.StringIO()
    call_command("break_glass", *arguments, stdout=out)
    return out.getvalue()


def test_a_password_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal the first line is the password; it is not printed."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    said = run("create", "emergency")
    assert "/admin/login/" in said
    assert PASSWORD not in said
    assert User.objects.get().check_password(PASSWORD)


def test_a_generated_password_is_printed_once() -> None:
    """The printed password is the one that counts; a reset prints another."""
    first = json.loads(run("create", "emergency", "--generate", "--json"))
    assert User.objects.get().check_password(first["password"])
    second = run("reset", "emergency", "--generate").strip().rsplit(" ", 1)[1]
    assert User.objects.get().check_password(second)
    assert second != first["password"]


@pytest.mark.parametrize(
    ("arguments", "password", "sentence"),
    [
        (("create", "Emergency"), PASSWORD, "The name needs"),
        (("create", "emergency"), "short", "at least 16"),
        (("reset", "emergency"), PASSWORD, "create makes one"),
    ],
)
def test_refusals_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], password: str, sentence: str
) -> None:
    """A refusal is one sentence and an exit that is not zero, and nothing is made."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)
    assert not User.objects.exists()


def test_typed_passwords_must_be_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal the password is typed twice; two different ones make nobody."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            """It is one."""
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    typed = iter([PASSWORD, "another-long-password", PASSWORD, PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    with pytest.raises(CommandError, match="differ"):
        run("create", "emergency")
    run("create", "emergency")
    assert User.objects.get().check_password(PASSWORD)
