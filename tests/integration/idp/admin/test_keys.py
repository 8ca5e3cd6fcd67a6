"""The page of the signing key: where a rollover stands, who is waited for, and each step, taken or refused."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idp.domain.events import AuditEvent
from idp.models import AuditRecord, KeyConfirmation, User
from idp.saml.keys import signing_keys
from idp.services import rollover_state
from idp.services.key_rollover import confirm, doubt, publish, switch, take_step_back
from idp.services.keys import make_signing_key
from idp.services.provider_changes import Author
from idp.services.rollover_state import Stage, rollover
from tests.integration.idp.admin.forms import last_record
from tests.providers import ENTITY_ID, a_row

pytestmark = pytest.mark.django_db
PAGE = "admin:idp_keyconfirmation_changelist"
STEP = "admin:idp_keyconfirmation_step"
OTHER = Author("somebody else")
hidden_field = re.compile(r'type="hidden" name="(seen|waiting|certificate)" value="([0-9a-f:]*)"')
asked_phrase = re.compile(r"Type “([^”]+)”")


@pytest.fixture
def old(key_dir: Path) -> str:
    """The certificate of the one key, and a service that is waited for."""
    a_row()
    make_signing_key(now=timezone.now())
    assert key_dir.exists()
    return signing_keys().current.certificate


def page_of(admin: Client) -> str:
    """The page as people read it."""
    return unescape(admin.get(reverse(PAGE), secure=True).content.decode())


def look(admin: Client, verb: str, *, curve: bool = False) -> str:
    """The page of this step."""
    answer = admin.get(reverse(STEP, args=[verb]), {"curve": "1"} if curve else {}, secure=True)
    assert answer.status_code == 200, answer
    return unescape(answer.content.decode())


def press(admin: Client, verb: str, form: dict[str, str], *, curve: bool = False) -> str:
    """The step is posted; gives the page that it leads to."""
    address = f"{reverse(STEP, args=[verb])}{'?curve=1' if curve else ''}"
    return unescape(admin.post(address, form, secure=True, follow=True).content.decode())


def take(admin: Client, verb: str, *, curve: bool = False, **more: str) -> str:
    """The step is looked at, and taken as its page asks."""
    return press(admin, verb, {**hidden(look(admin, verb, curve=curve)), **more}, curve=curve)


def hidden(page: str) -> dict[str, str]:
    """What a form of this page sends of itself."""
    found = dict(hidden_field.findall(page))
    assert found
    return found


def tell(admin: Client, **form: str | list[str]) -> str:
    """Who has the certificate is told by the page; gives the page that it leads to."""
    sent = {**hidden(page_of(admin)), **form}
    return unescape(admin.post(reverse(PAGE), sent, secure=True, follow=True).content.decode())


def refusals() -> list[str]:
    """What was refused, as the records tell it."""
    rows = AuditRecord.objects.filter(event=AuditEvent.SIGNING_KEY_REFUSED).order_by("pk")
    return [str(row.details["step"]) for row in rows]


def test_confirming_on_the_page(admin: Client, old: str) -> None:
    """The marked ones are confirmed and on record, and taken back; a stranger's name is refused."""
    assert old
    take(admin, "publish", bits="2048", days="400")
    assert f'value="{ENTITY_ID}"' in page_of(admin)
    assert "1 confirmed" in tell(admin, party=[ENTITY_ID])
    assert KeyConfirmation.objects.get().confirmed_by == "root.two"
    assert last_record().event == AuditEvent.SIGNING_KEY_CONFIRMED
    assert "no AWS account and no service provider" in tell(admin, party=["https://evil.example.test"])
    assert KeyConfirmation.objects.count() == 1
    assert refusals() == ["confirm"]
    assert "1 waited for again" in tell(admin, doubt=ENTITY_ID)
    assert not KeyConfirmation.objects.exists()
    assert last_record().event == AuditEvent.SIGNING_KEY_DOUBTED


@pytest.mark.attack("MD-06")
def test_every_step_is_taken_on_the_page(admin: Client, old: str) -> None:
    """Publish, confirm, switch, back, switch, retire: each says what it will do, does it, and is on record."""
    assert "nothing to take back" in page_of(admin)
    assert "can be taken back" in look(admin, "publish")
    page = take(admin, "publish", bits="3072", days="400")
    new = signing_keys().published_certificates[1]
    assert signing_keys().current.certificate == old
    assert "RSA" in page
    assert last_record().person == "root.two"
    assert last_record().details["bits"] == 3072
    assert last_record().address
    waiting = [party.party for party in rollover().waiting_for]
    tell(admin, party=waiting)
    assert "nobody should notice" in look(admin, "switch")
    take(admin, "switch")
    assert signing_keys().current.certificate == new
    assert last_record().event == AuditEvent.SIGNING_KEY_PROMOTED
    assert "signs again within seconds" in look(admin, "take-back")
    take(admin, "take-back")
    assert signing_keys().current.certificate == old
    assert last_record().event == AuditEvent.SIGNING_KEY_TAKEN_BACK
    take(admin, "switch")
    assert "cannot be taken back" in look(admin, "retire")
    take(admin, "retire", phrase="retire early")
    assert signing_keys().published_certificates == (new,)
    assert last_record().event == AuditEvent.SIGNING_KEY_RETIRED
    page = page_of(admin)
    assert "no rollover under way" in page
    assert "switched" in page
    assert "retired" in page
    assert refusals() == []


def test_a_published_key_is_withdrawn_on_the_page(admin: Client, old: str) -> None:
    """Nothing but the old certificate is published afterwards, and the way is open for another key."""
    take(admin, "publish", bits="2048", days="400")
    assert "has it in vain" in look(admin, "take-back")
    take(admin, "take-back")
    assert signing_keys().published_certificates == (old,)
    take(admin, "publish", bits="2048", days="400")
    assert rollover().stage is Stage.PUBLISHED


@pytest.mark.attack("MD-06")
def test_switching_too_early_names_who_is_waited_for(admin: Client, old: str) -> None:
    """Without the words, or with others, it is refused with names and on record; with them it is done."""
    take(admin, "publish", bits="2048", days="400")
    page = look(admin, "switch")
    assert ENTITY_ID in page
    phrase = asked_phrase.search(page)
    assert phrase
    for typed in ("", "switch without 0", "SWITCH"):
        told = take(admin, "switch", phrase=typed)
        assert "are not known to have the next certificate" in told
        assert ENTITY_ID in told
        assert signing_keys().current.certificate == old
    assert refusals() == ["switch"] * 3
    assert "refused: switch" in page_of(admin)
    take(admin, "switch", phrase=phrase[1])
    assert signing_keys().current.certificate != old
    assert last_record().details["without"] == len(rollover().waiting_for)
    assert f'value="{ENTITY_ID}"' in page_of(admin), "whoever lacks the key that signs is still shown"


def test_retiring_too_early(admin: Client, old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a day it needs the words; the day after it does not."""
    make_signing_key(now=timezone.now())
    switch(author=OTHER, now=timezone.now(), anyway=True)
    assert "for a day after the switch" in take(admin, "retire")
    assert refusals() == ["retire"]
    assert old in signing_keys().published_certificates
    monkeypatch.setattr(rollover_state, "OVERLAP", timedelta(0))
    assert asked_phrase.search(look(admin, "retire")) is None
    take(admin, "retire")
    assert old not in signing_keys().published_certificates


@pytest.mark.attack("MD-06")
def test_nobody_is_confirmed_for_a_certificate_that_the_page_did_not_show(admin: Client, old: str) -> None:
    """Where another next key waits by now, or the form names none, it is refused and on record."""
    assert old
    publish(author=OTHER, now=timezone.now())
    found = hidden(page_of(admin))
    take_step_back(author=OTHER, now=timezone.now())
    publish(author=OTHER, now=timezone.now())
    for form in (found, {}, {"certificate": ""}):
        for who in ({"party": ENTITY_ID}, {"doubt": ENTITY_ID}):
            answer = admin.post(reverse(PAGE), {**form, **who}, secure=True, follow=True)
            assert "Another certificate is waited for" in answer.content.decode()
    assert not KeyConfirmation.objects.exists()
    assert refusals() == ["confirm", "doubt"] * 3
    assert "1 confirmed" in tell(admin, party=ENTITY_ID)


@pytest.mark.attack("MD-06")
def test_going_on_without_one_is_not_going_on_without_another(admin: Client, old: str) -> None:
    """The words count for those that the page has named: as many others are refused, by their names."""
    other = a_row(entity_id="https://other.example.test", name="Other")
    publish(author=OTHER, now=timezone.now())
    everybody = [party.party for party in rollover().parties]
    confirm([one for one in everybody if one != ENTITY_ID], author=OTHER, now=timezone.now())
    page = look(admin, "switch")
    assert ENTITY_ID in page
    confirm([ENTITY_ID], author=OTHER, now=timezone.now())
    doubt([other.entity_id], author=OTHER, now=timezone.now())
    told = press(admin, "switch", {**hidden(page), "phrase": "switch without 1"})
    assert f"are not known to have the next certificate: {other.entity_id}" in told
    assert signing_keys().current.certificate == old
    take(admin, "switch", phrase="switch without 1")
    assert signing_keys().current.certificate != old


@pytest.mark.attack("MD-06")
@pytest.mark.parametrize("verb", ["retire", "switch"])
def test_a_further_key_does_not_hurry_the_former_one(
    admin: Client, old: str, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A next key published within the day: retiring, and switching over the former one, still need their words."""
    publish(author=OTHER, now=timezone.now())
    switch(author=OTHER, now=timezone.now(), anyway=True)
    publish(author=OTHER, now=timezone.now())
    confirm([party.party for party in rollover().parties], author=OTHER, now=timezone.now())
    page = look(admin, verb)
    assert "gone for good" in page
    assert "less than a day old" in page
    assert "for a day after the switch" in take(admin, verb)
    assert refusals() == [verb]
    assert old in signing_keys().published_certificates
    with monkeypatch.context() as patch:
        patch.setattr(rollover_state, "OVERLAP", timedelta(0))
        assert asked_phrase.search(look(admin, verb)) is None
    take(admin, verb, phrase=f"{verb} early")
    assert old not in signing_keys().published_certificates


def test_what_somebody_else_has_done_meanwhile_is_not_done_twice(admin: Client, old: str) -> None:
    """A page that shows a former state takes no step: two that take back do not take two steps back."""
    publish(author=OTHER, now=timezone.now())
    switch(author=OTHER, now=timezone.now(), anyway=True)
    found = hidden(look(admin, "take-back"))
    take_step_back(author=OTHER, now=timezone.now())
    told = press(admin, "take-back", found)
    assert "meanwhile" in told
    assert rollover().stage is Stage.PUBLISHED, "the next key was not withdrawn as well"
    assert refusals() == ["take-back"]
    for nothing in ({}, {"seen": ""}):
        assert "meanwhile" in press(admin, "take-back", nothing), (
            "a form that has seen nothing decides nothing"
        )
    assert rollover().stage is Stage.PUBLISHED
    take(admin, "take-back")
    assert signing_keys().published_certificates == (old,)


def test_steps_that_cannot_be_taken(admin: Client, old: str) -> None:
    """Each is led back with a word, and posted it is refused and on record; an unknown one is not found."""
    for verb in ("switch", "take-back", "retire"):
        assert admin.get(reverse(STEP, args=[verb]), secure=True).status_code == 302
        press(admin, verb, {"seen": rollover().mark, "phrase": "retire early"})
    assert refusals() == ["switch", "take-back", "retire"]
    assert signing_keys().published_certificates == (old,)
    assert admin.get(reverse(STEP, args=["burn"]), secure=True).status_code == 404
    page = press(admin, "publish", {"seen": rollover().mark, "bits": "1024", "days": "0"})
    assert "Select a valid choice" in page
    assert signing_keys().published_certificates == (old,)


def test_keys_on_a_curve_have_a_page_of_their_own(admin: Client, old: str) -> None:
    """The first is made there, the next published; the RSA key is not touched."""
    assert "signs at once" in look(admin, "publish", curve=True)
    take(admin, "publish", curve=True, bits="256", days="400")
    take(admin, "publish", curve=True, bits="384", days="400")
    take(admin, "switch", curve=True, phrase=f"switch without {len(rollover(curve=True).waiting_for)}")
    assert rollover(curve=True).stage is Stage.SWITCHED
    assert rollover().stage is Stage.STEADY
    assert signing_keys().current.certificate == old


def test_where_the_folder_cannot_be_written_the_page_names_the_commands(
    admin: Client, old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason and the exact command in place of a button, and no step by the page; writable it is one."""
    assert "key_rollover publish" not in page_of(admin)
    with monkeypatch.context() as patch:
        patch.setattr(rollover_state, "why_not_writable", lambda _: "/run/keys is mounted read-only")
        page = page_of(admin)
        assert "/run/keys is mounted read-only" in page
        assert "manage.py key_rollover publish" in page
        assert reverse(STEP, args=["publish"]) not in page
        told = press(admin, "publish", {"seen": rollover().mark, "bits": "2048", "days": "400"})
        assert "by command only" in told
        assert refusals() == ["publish"]
    assert signing_keys().published_certificates == (old,)
    take(admin, "publish", bits="2048", days="400")
    assert len(signing_keys().published_certificates) == 2


def test_what_is_wrong_with_a_key_stands_on_the_page(admin: Client, old: str, key_dir: Path) -> None:
    """A next certificate that cannot be read is told; mended it is not spoken of."""
    assert old
    (key_dir / "next.cert.pem").write_text("nonsense")
    assert "it is not published" in page_of(admin)
    (key_dir / "next.cert.pem").unlink()
    assert "it is not published" not in page_of(admin)


def test_the_page_is_for_staff_with_the_permission(
    stranger: Client, admin: Client, old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else sees it; staff without `idp.roll_signing_key` looks and takes no step, and confirms nobody."""
    outside = Client(headers={"host": "idp.example.test"})
    for address in (reverse(PAGE), reverse(STEP, args=["publish"])):
        assert outside.get(address, secure=True).status_code in {302, 403}
        assert outside.post(address, {}, secure=True).status_code in {302, 403}
    assert stranger is admin
    publish(author=OTHER, now=timezone.now())
    with monkeypatch.context() as patch:
        patch.setattr(User, "has_perm", lambda _self, perm, _obj=None: perm != "idp.roll_signing_key")
        page = page_of(admin)
        assert "and not change it" in page
        assert "Confirm the marked ones" not in page
        assert admin.get(reverse(STEP, args=["switch"]), secure=True).status_code == 403
        seen = {"seen": rollover().mark}
        patch.setattr(User, "has_perm", lambda _self, perm, _obj=None: perm == "idp.roll_signing_key")
        assert admin.get(reverse(PAGE), secure=True).status_code == 200, "who may change may look"
        patch.setattr(User, "has_perm", lambda _self, perm, _obj=None: perm != "idp.roll_signing_key")
        assert admin.post(reverse(STEP, args=["take-back"]), seen, secure=True).status_code == 403
        assert admin.post(reverse(PAGE), {"party": ENTITY_ID}, secure=True).status_code == 403
        patch.setattr(User, "has_perm", lambda _self, _perm, _obj=None: False)
        assert admin.get(reverse(PAGE), secure=True).status_code == 403, "who may not even look sees nothing"
    assert rollover().stage is Stage.PUBLISHED
    assert refusals() == ["take-back", "confirm"]
    assert {row.reason for row in AuditRecord.objects.filter(event=AuditEvent.SIGNING_KEY_REFUSED)} == {
        "no-permission"
    }
    take(admin, "take-back")
    assert signing_keys().published_certificates == (old,)


def test_a_step_needs_the_token_of_its_form(admin: Client, old: str) -> None:
    """A foreign page cannot press a button here."""
    strict = Client(enforce_csrf_checks=True, headers={"host": "idp.example.test"})
    strict.cookies = admin.cookies
    form = {"seen": rollover().mark, "bits": "2048", "days": "400"}
    assert strict.post(reverse(STEP, args=["publish"]), form, secure=True).status_code == 403
    assert signing_keys().published_certificates == (old,)
