"""The documents against the tree: the map names what is there, and every link leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "deploy/README.md")
heading_grammar = re.compile(r"^### `([a-z_/]+)/`", re.MULTILINE)
named_grammar = re.compile(r"`([\w./-]+\.(?:py|conf|yaml|sh|toml|lock|md|example))`", re.ASCII)
link_grammar = re.compile(r"\]\((?!https?:)([^)\s]*)\)")


def sections() -> dict[str, list[str]]:
    """The files that the map names in the table of each room."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    parts = re.split(r"^#{2,3} ", text, flags=re.MULTILINE)
    found = {}
    for part in parts:
        room = re.match(r"`([a-z_/]+)/`", part)
        if room:
            rows = (line for line in part.splitlines() if line.startswith("| `"))
            found[room[1]] = [name for row in rows for name in named_grammar.findall(row.split("|")[1])]
    return found


def test_the_map_names_what_is_there() -> None:
    """Every file in the map lies in the room under which it stands."""
    named = sections()
    assert "run.py" in named["deploy/demo"], "the search finds what is known to be there"
    missing = [
        f"{room}/{name}"
        for room, names in named.items()
        for name in names
        if not (ROOT / room / name).exists() and not (ROOT / name).exists()
    ]
    assert not missing


def test_every_room_has_its_place_in_the_map() -> None:
    """No package of the two applications is missing."""
    packages = {
        str(sign.parent.relative_to(ROOT))
        for room in ("idp", "sts_bridge")
        for sign in (ROOT / room).rglob("__init__.py")
    }
    told_in_a_line = {"idp", "sts_bridge", "idp/migrations", "idp/management", "sts_bridge/management"}
    assert packages - told_in_a_line <= set(sections())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    """What a document links to is a file of ours, or one of its own headings."""
    document = ROOT / name
    text = document.read_text()
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    for link in link_grammar.findall(text):
        path, _, heading = link.partition("#")
        assert not path or (document.parent / path).exists(), link
        assert not heading or path or heading in headings, link
