"""A rollover, step by step and back: who signs, what is published, who is waited for, and what is on record."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from idp.domain.events import AuditEvent
from idp.models import AuditRecord, KeyConfirmation
from idp.saml import key_rollover as files
from idp.saml.errors import KeyChangeRefused
from idp.saml.key_making import KeyMade, make_key, promote_key
from idp.saml.key_writing import write_file
from idp.saml.keys import KeyStore, signing_keys
from idp.services.key_ends import warn_of_key_ends
from idp.services.key_rollover import retire
from idp.services.keys import make_signing_key
from idp.services.provider_changes import Author
from idp.services.rollover_state import OVERLAP, Stage, rollover
from tests.integration.idp.services.mappings import auditors, document, take_over
from tests.providers import ENTITY_ID, a_row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]

ACCOUNT = "111122223333"


def run(*words: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("key_rollover", *words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> str:
    """The sentence with which the command ends."""
    with pytest.raises(CommandError) as error:
        run(*words)
    return str(error.value)


def published() -> list[str]:
    """The certificates of our metadata."""
    return list(signing_keys().published_certificates)


@pytest.mark.attack("MD-06")
def test_the_whole_way(key_dir: Path) -> None:
    """Publish, wait for everybody, switch, retire; no step goes before its time, and each is on record."""
    take_over(document(auditors()))
    a_row()
    make_signing_key(now=timezone.now())
    assert key_dir.exists()
    [old] = published()
    assert "nothing waits" in refused("confirm", ACCOUNT).lower()
    run("publish")
    [_, new] = published()
    assert signing_keys().current.certificate == old
    state = json.loads(run("status", "--json"))
    assert (state["stage"], sorted(state["waiting_for"])) == ("published", [ACCOUNT, ENTITY_ID])
    assert state["steps"] == {"publish": "done", "wait": "now", "switch": "later", "retire": "later"}
    assert state["possible"] == ["switch", "take-back"]
    assert "WAITING" in run("status")
    assert "not known to have" in refused("switch")
    assert "no AWS account" in refused("confirm", "999999999999")
    assert "Confirmed: 1" in run("confirm", ACCOUNT)
    assert "Confirmed: 0" in run("confirm", ACCOUNT)
    assert ENTITY_ID in refused("switch")
    run("confirm", "--everybody")
    assert "Waited for again: 1" in run("doubt", ENTITY_ID)
    assert ENTITY_ID in refused("switch")
    run("confirm", ENTITY_ID)
    run("switch")
    assert signing_keys().current.certificate == new
    assert published() == [new, old]
    assert rollover().stage is Stage.SWITCHED
    assert "for a day" in refused("retire")
    tomorrow = timezone.now() + OVERLAP
    retire(author=Author("tester"), now=tomorrow)
    assert published() == [new]
    assert rollover().stage is Stage.STEADY
    assert not list(key_dir.glob("previous*"))
    names = set(AuditRecord.objects.values_list("event", flat=True))
    assert {
        AuditEvent.SIGNING_KEY_MADE,
        AuditEvent.SIGNING_KEY_CONFIRMED,
        AuditEvent.SIGNING_KEY_DOUBTED,
        AuditEvent.SIGNING_KEY_RETIRED,
    } <= names
    steps = AuditRecord.objects.filter(event=AuditEvent.SIGNING_KEY_REFUSED).order_by("pk")
    assert [row.details["step"] for row in steps] == [
        "confirm", "switch", "confirm", "switch", "switch", "retire",
    ]  # fmt: skip
    assert KeyConfirmation.objects.count() == 2


def test_a_published_key_is_taken_back(key_dir: Path) -> None:
    """Withdrawn it is published no more, and a new one can be made."""
    make_signing_key(now=timezone.now())
    [old] = published()
    assert "nothing to take back" in refused("take-back")
    run("publish")
    assert "was withdrawn" in run("take-back")
    assert published() == [old]
    assert not list(key_dir.glob("next*"))
    run("publish")
    assert len(published()) == 2
    assert AuditRecord.objects.filter(event=AuditEvent.SIGNING_KEY_TAKEN_BACK).count() == 1


@pytest.mark.attack("MD-06")
def test_a_switch_is_taken_back(key_dir: Path) -> None:
    """The former key signs again, the other is the next one again; from there the way goes on."""
    make_signing_key(now=timezone.now())
    run("publish")
    old, new = published()
    run("switch", "--anyway")
    assert "signs again" in run("take-back")
    assert signing_keys().current.certificate == old
    assert published() == [old, new]
    assert sorted(path.name for path in key_dir.iterdir()) == [
        "current.cert.pem", "current.key.pem", "next.cert.pem", "next.key.pem",
    ]  # fmt: skip
    run("switch", "--anyway")
    assert signing_keys().current.certificate == new
    run("retire", "--anyway")
    assert "nothing to take back" in refused("take-back")


def test_keys_on_a_curve_have_a_rollover_of_their_own(key_dir: Path) -> None:
    """The same steps in their own folder; what happens to one kind moves nothing of the other."""
    make_signing_key(now=timezone.now())
    [rsa] = published()
    for _ in range(2):
        run("publish", "--curve")
    assert json.loads(run("status", "--curve", "--json"))["stage"] == "published"
    assert json.loads(run("status", "--json"))["stage"] == "steady"
    run("switch", "--curve", "--anyway")
    run("take-back", "--curve")
    run("switch", "--curve", "--anyway")
    assert "for a day" in refused("retire", "--curve")
    run("publish")
    run("take-back")
    run("retire", "--curve", "--anyway")
    assert published()[0] == rsa
    assert len(published()) == 2
    assert key_dir.exists()


class Stopped(Exception):  # noqa: N818 - it stands for a power cut
    """The machine has stopped here."""


def stopping_after(count: int, step: Callable[..., None]) -> Callable[..., None]:
    """The same step; the machine stops before it is done for the last time."""
    left = [count]

    def stop(*values: object, **options: object) -> None:
        if not left[0]:
            raise Stopped
        left[0] -= 1
        step(*values, **options)

    return stop


@pytest.mark.fault(20)
@pytest.mark.parametrize("place", range(4))
def test_taking_back_can_stop_anywhere(tmp_path: Path, place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the machine stops, one of the two keys signs with its own certificate, and asking again goes on."""
    folder, now = tmp_path / "keys", timezone.now()

    def record(_: KeyMade) -> None:
        return

    for _ in range(2):
        make_key(folder, bits=2048, days=30, name="test", now=now, record=record)
    store = KeyStore(folder)
    old, new = store.ring().published_certificates
    promote_key(folder, now=now, record=record)
    with monkeypatch.context() as patch:
        if place < 2:
            patch.setattr(files, "write_file", stopping_after(place, write_file))
        else:
            patch.setattr(Path, "replace", stopping_after(2 + place - 2, Path.replace))
        with pytest.raises(Stopped):
            files.take_back(folder, now=now, record=record)
    if (folder / "next.cert.pem").exists():
        # Whoever switches instead of asking again would put the former key's way back out of the world.
        with pytest.raises(KeyChangeRefused):
            promote_key(folder, now=now, record=record)
    ring = store.ring()
    assert ring.current.certificate in {old, new}
    assert {old, new} <= set(ring.published_certificates)
    files.take_back(folder, now=now, record=record)
    if store.ring().current.certificate == new:
        # What was begun looked like a published key and was withdrawn; now the switch is taken back.
        files.take_back(folder, now=now, record=record)
    assert store.ring().current.certificate == old


def test_ends_are_told_in_time_and_once(key_dir: Path) -> None:
    """60, 30, 7 and 1 days before, each once; a key that holds for long is not spoken of."""
    now = timezone.now()
    make_signing_key(now=now, days=100)
    assert key_dir.exists()
    assert warn_of_key_ends(now=now) == 0
    for days, told in ((59, 1), (58, 0), (29, 1), (6, 1), (2, 0), (0, 1), (-3, 0)):
        assert warn_of_key_ends(now=now + timedelta(days=100 - days, seconds=-1)) == told, days
    records = AuditRecord.objects.filter(event=AuditEvent.SIGNING_KEY_ENDING).order_by("pk")
    assert [record.details["days"] for record in records] == [60, 30, 7, 1]
