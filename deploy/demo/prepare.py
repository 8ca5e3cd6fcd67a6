"""What must be done before the site starts: each step once, and again only when what it depends on changed.

Run as a program (`python -m deploy.demo.prepare FOLDER STEP...`) it does the named steps in one process,
because loading the site takes longer than any of them.
"""

import hashlib
import io
import json
import sys
from pathlib import Path

from deploy.demo.places import MAPPING, ROOT, Places, write_private

ADMINISTRATOR = "admin"
STEPS = ("tables", "key", "static", "mapping", "admin", "metadata")


def outstanding_steps(places: Places) -> dict[str, str]:
    """The steps to do now, each with the mark to remember once it is done."""
    done = json.loads(places.folder.joinpath("done.json").read_text()) if has_marks(places) else {}
    return {step: mark for step, mark in marks(places).items() if done.get(step) != mark}


def remember(places: Places) -> None:
    """All steps are done as things stand now."""
    write_private(places.folder / "done.json", json.dumps(marks(places)))


def has_marks(places: Places) -> bool:
    """Whether the tables that the marks speak of are there."""
    return places.folder.joinpath("done.json").exists() and places.database.exists()


def marks(places: Places) -> dict[str, str]:
    """What each step depends on, in short."""
    packages = (ROOT / "requirements.lock").read_bytes()
    key = places.key_folder / "current.key.pem"
    certificates = sorted(places.key_folder.glob("*.cert.pem"))
    return {
        "tables": digest(packages, *contents(ROOT / "idp" / "migrations", "*.py")),
        "key": "made" if key.exists() else "missing",
        "static": digest(packages, *contents(ROOT / "static", "*"), str(places.static_folder).encode()),
        "mapping": digest(MAPPING.read_bytes(), places.external_ids_file.name.encode()),
        "admin": "made" if places.admin_file.exists() else "missing",
        "metadata": digest(
            places.entity_id.encode(),
            *(path.read_bytes() for path in (places.metadata_file, *certificates) if path.exists()),
        ),
    }


def contents(folder: Path, pattern: str) -> list[bytes]:
    """Names and contents of the files below a folder."""
    files = sorted(path for path in folder.rglob(pattern) if path.is_file())
    return [piece for path in files for piece in (str(path).encode(), path.read_bytes())]


def digest(*pieces: bytes) -> str:
    """A mark of these contents."""
    return hashlib.sha256(b"".join(hashlib.sha256(piece).digest() for piece in pieces)).hexdigest()


def do_steps(folder: Path, steps: list[str]) -> None:
    """The named steps are done, in their order."""
    import django  # noqa: PLC0415 - only this process loads the site
    from django.core.management import call_command  # noqa: PLC0415 - likewise

    django.setup()
    commands = {
        "tables": ("migrate", "--verbosity=0"),
        "static": ("collectstatic", "--noinput", "--clear", "--verbosity=0"),
        "mapping": ("mapping", "import", str(MAPPING)),
        "metadata": ("write_metadata", "--out", str(folder / "metadata.xml")),
    }
    for step in [step for step in STEPS if step in steps]:
        if step == "key":
            if not (folder / "keys" / "current.key.pem").exists():
                call_command("make_signing_key")
        elif step == "mapping":
            call_command(*commands[step])
            write_external_ids(folder / "external_ids.json")
        elif step == "admin":
            make_administrator(folder / "admin.json")
        else:
            call_command(*commands[step])


def write_external_ids(file: Path) -> None:
    """The local AWS can be told by which ExternalId each account knows the broker."""
    from idp.services.mapping import external_ids  # noqa: PLC0415 - as above

    write_private(file, json.dumps(external_ids()))


def make_administrator(file: Path) -> None:
    """The local administrator has a password that nobody knew before, and it stands in the file."""
    from django.core.management import CommandError, call_command  # noqa: PLC0415 - as above

    answer = io.StringIO()
    try:
        call_command("break_glass", "create", ADMINISTRATOR, "--generate", "--json", stdout=answer)
    except CommandError:
        # An earlier start ended between making the administrator and writing the file.
        call_command("break_glass", "reset", ADMINISTRATOR, "--generate", "--json", stdout=answer)
    password = json.loads(answer.getvalue())["password"]
    write_private(file, json.dumps({"username": ADMINISTRATOR, "password": password}))


if __name__ == "__main__":
    do_steps(Path(sys.argv[1]), sys.argv[2:])
