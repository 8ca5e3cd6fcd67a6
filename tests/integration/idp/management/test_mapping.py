"""`manage.py mapping`: one clear sentence when it cannot, and never half of it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from deploy.demo.slapd import Slapd
from idp.models import Rule
from tests.integration.idp.services.mappings import auditors, document, take_over
from tests.servers.slapd import Newcomers, directory_gone

pytestmark = pytest.mark.django_db


def run(*words: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("mapping", *words, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.yaml"
    path.write_bytes(document(auditors(duration="2h")))
    return path


def test_import_plan_and_export_tell_what_they_do(company: Slapd, file: Path, tmp_path: Path) -> None:
    """Plan and dry run change nothing, import does, export writes what import reads."""
    assert company
    told = run("plan", str(file))
    assert "+ arn:aws:iam::111122223333:role/ReadOnly  2 h  by rule 'auditors read'" in told
    assert "Of 3 people in 1 affected groups 3 would gain, 0 would lose" in told
    assert "nothing was changed" in run("import", str(file), "--dry-run")
    assert not Rule.objects.exists()
    assert "4 changes were made." in run("import", str(file))
    assert "already" in run("import", str(file))
    exported = tmp_path / "exported.yaml"
    assert "was written" in run("export", str(exported))
    assert run("export") == exported.read_text()
    assert "already" in run("import", str(exported))


def test_programs_read_json(company: Slapd, file: Path) -> None:
    """One object each, with everything that people are told."""
    assert company
    plan = json.loads(run("plan", str(file), "--json"))
    assert plan["people"][0]["changes"][0]["difference"] == "gained"
    assert plan["people_asked"] == 3
    report = json.loads(run("import", str(file), "--json", "--dry-run"))
    assert report["dry_run"] is True
    assert {"kind": "added", "what": "rule", "name": "auditors read"} in report["changes"]
    assert json.loads(run("export", "--json"))["mapping"].startswith("accounts:")


def test_what_cannot_be_done_ends_with_a_sentence(company: Slapd, file: Path, tmp_path: Path) -> None:
    """No file, no such file, no place to write, mistakes in it, no directory: each is said, nothing changed."""
    assert company
    with pytest.raises(CommandError, match="needs a FILE"):
        run("import")
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run("import", str(tmp_path / "missing"))
    with pytest.raises(CommandError, match="cannot be written: No such file"):
        run("export", str(tmp_path / "missing" / "x"))
    with pytest.raises(CommandError, match="belongs to import"):
        run("plan", str(file), "--dry-run")
    with directory_gone(), pytest.raises(CommandError, match="directory cannot be reached"):
        run("plan", str(file))
    file.write_bytes(document(auditors(duration="x", effect="y")))
    with pytest.raises(CommandError) as refusal:
        run("import", str(file))
    assert str(refusal.value).splitlines()[0] == "Nothing was changed:"
    assert "rules[0].duration: must be a length such as 4h, 90m or 3600s (line " in str(refusal.value)
    assert not Rule.objects.exists()


def test_names_of_the_directory_cannot_move_the_cursor(company: Slapd, newcomers: Newcomers) -> None:
    """Escape sequences and line breaks in a name are shown as nothing of the kind."""
    dn = newcomers.person("newton", cn="New\x1b[2Jton\nPlan: nobody gains")
    group_dn = newcomers.group("terminal", dn)
    take_over(document())
    rule = auditors(group={"dn": group_dn})
    path = Path(company.ca_file).with_name("terminal.yaml")
    path.write_bytes(document(rule))
    told = run("plan", str(path))
    assert "\x1b" not in told
    assert "\nPlan" not in told
