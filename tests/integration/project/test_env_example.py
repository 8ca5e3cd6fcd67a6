"""deploy/env.example against what the code reads."""

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.project.env import Environment

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "deploy" / "env.example"
line_grammar = re.compile(r"(#?)([A-Z][A-Z0-9_]*)=(.*)", re.ASCII)

# Read by the code, but no setting of an installation.
NOT_SETTINGS = {
    "DJANGO_SETTINGS_MODULE",  # the same for every installation; manage.py and the entries name it
    "SUDO_USER",  # set by sudo: who made a key
}
# Their default is told in words: it depends on another setting, or on where the code lies.
TOLD_IN_WORDS = {"DRAWBRIDGE_ENTITY_ID", "STATIC_ROOT"}


def example_lines() -> dict[str, tuple[bool, str]]:
    """Each variable of the example: whether it is commented out, and its value."""
    found = [line_grammar.fullmatch(line) for line in EXAMPLE.read_text().splitlines()]
    return {match[2]: (bool(match[1]), match[3]) for match in found if match}


def settings_read(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Each variable that the settings ask for while they are loaded, with its default."""
    asked: dict[str, str | None] = {}
    ask = Environment.text

    def remember(self: Environment, name: str, default: str | None = None) -> str:
        asked.setdefault(name, default)
        return ask(self, name, default)

    monkeypatch.setattr(Environment, "text", remember)
    # A condition would hide what is read behind it.
    monkeypatch.setenv("DRAWBRIDGE_AWS_SIGNIN_URL", "http://127.0.0.1:8010")
    runpy.run_path(str(ROOT / "idp" / "project" / "settings.py"))
    return asked


def names_read_elsewhere() -> Iterator[str]:
    """Each variable that other code asks of the process's environment by a literal name."""
    for room in ("idp", "sts_bridge"):
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                yield from names_in(node)


def names_in(node: ast.AST) -> Iterator[str]:
    """The name in `environ.get("NAME")`, `environ["NAME"]` and the like."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        source, name = node.func.value, node.args[0]
    elif isinstance(node, ast.Subscript):
        source, name = node.value, node.slice
    else:
        return
    holder = source.attr if isinstance(source, ast.Attribute) else getattr(source, "id", "")
    if holder in {"environ", "variables"} and isinstance(name, ast.Constant) and isinstance(name.value, str):
        yield name.value


def test_the_example_lists_every_variable_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the code reads and what the example lists are the same names."""
    elsewhere = set(names_read_elsewhere())
    assert {"AWS_ENDPOINT_URL_STS", "SUDO_USER"} <= elsewhere, "the search finds what is known to be there"
    read = settings_read(monkeypatch).keys() | elsewhere
    assert example_lines().keys() == read - NOT_SETTINGS


def test_the_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is commented out shows the default; a line that must be filled in is not commented out."""
    lines = example_lines()
    for name, default in settings_read(monkeypatch).items():
        commented, value = lines[name]
        if default is None:
            assert not commented, f"{name} has no default, so it must be filled in"
        elif commented and name not in TOLD_IN_WORDS:
            assert value == default, f"{name} without a value is {default!r}"


def test_each_variable_is_told_in_one_line() -> None:
    """One line of words stands above each variable, and each variable stands there once."""
    lines = EXAMPLE.read_text().splitlines()
    places = [number for number, line in enumerate(lines) if line_grammar.fullmatch(line)]
    assert len(places) == len(example_lines())
    for number in places:
        assert re.fullmatch(r"# [A-Z].*[^ ]", lines[number - 1])
        assert not lines[number - 2].startswith("# ") or lines[number - 2].startswith("# ---")
