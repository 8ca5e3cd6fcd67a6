"""The file of issuers: a change holds without a restart, a mistake changes nothing and is told."""

import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from idp import watcher
from idp.domain.errors import Refused
from idp.domain.token_issuer import TokenIssuer
from idp.oidc import keys
from idp.oidc.keys import issuer_keys
from idp.services import issuers_file
from idp.services import token_issuers as token_issuers_module
from idp.services.health import issuers_health
from idp.services.issuers_file import Mark, mark_of
from idp.services.strict_yaml import MalformedFile
from idp.services.token_issuers import issuers_problem, keep_issuers_fresh, token_issuers, workload_issuers
from sts_bridge.services.health import issuer_findings
from tests.servers.slapd import forget_settings

BUILDS = {"audiences": ["us"], "is": "workload", "seen_from": ["192.0.2.7/32"]}


@pytest.fixture
def file(tmp_path: Path, settings: Settings) -> Path:
    path = tmp_path / "issuers.yaml"
    settings.DRAWBRIDGE_WEB_IDENTITY_ISSUERS = str(path)
    forget_settings()
    return path


def write(file: Path, *names: str, **changes: Any) -> None:
    issuers = [{"issuer": f"https://{name}.example", **BUILDS, **changes} for name in names]
    whole = file.with_suffix(".new")
    whole.write_text(json.dumps({"issuers": issuers}))
    whole.replace(file)


def known() -> list[str]:
    return [issuer.name_in_aws for issuer in token_issuers()]


def test_a_change_holds_for_the_next_question_and_a_mistake_for_none(file: Path) -> None:
    """The last good reading goes on, health and doctor say that, and the mended file counts again."""
    with pytest.raises(MalformedFile):
        token_issuers()
    write(file, "one")
    assert (known(), workload_issuers()) == (["one.example"], ("https://one.example",))
    [part] = issuers_health()
    assert (part.is_well, part.warning, issuers_problem()) == (True, "", "")
    write(file, "one", "two")
    assert known() == ["one.example", "two.example"]
    for mistake in ("{", "issuers: [{issuer: 7}]", "issuers: [{issuer: 'http://one.example'}]"):
        file.write_text(mistake)
        assert known() == ["one.example", "two.example"]
        [part] = issuers_health()
        assert (part.is_well, part.warning) == (True, "the last good file holds")
        [finding] = issuer_findings()
        assert not finding.is_well
        assert finding.cause == issuers_problem()
    file.unlink()
    assert known() == ["one.example", "two.example"]
    assert "cannot be read" in (issuers_problem() or "")
    write(file, "two")
    assert (known(), issuers_problem()) == (["two.example"], "")
    [finding] = issuer_findings()
    assert finding.is_well


def test_what_was_wrong_outside_the_file_counts_as_mended_when_it_is(file: Path, tmp_path: Path) -> None:
    """The file itself stays as it is: its authorities come later."""
    authorities = tmp_path / "ca.pem"
    write(file, "one", ca_file=str(authorities))
    with pytest.raises(MalformedFile):
        token_issuers()
    authorities.write_text("made up")
    assert (known(), issuers_problem()) == (["one.example"], "")


def test_without_a_file_there_are_no_issuers_and_nothing_is_told_of_them(settings: Settings) -> None:
    """Neither part nor finding."""
    settings.DRAWBRIDGE_WEB_IDENTITY_ISSUERS = None
    assert (token_issuers(), issuers_problem(), issuers_health(), list(issuer_findings())) == (
        (),
        None,
        (),
        [],
    )


def test_keys_of_an_issuer_that_is_no_more_are_forgotten(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one agreement with an issuer was given is not kept for another one with it."""
    asked: list[str] = []

    def published(issuer: TokenIssuer) -> tuple[dict[str, str], ...]:
        asked.append(issuer.name_in_aws)
        return ({"kid": "k"},)

    monkeypatch.setattr(keys, "published_keys", published)
    now = datetime.now(UTC)
    write(file, "one", "two")
    one, two = token_issuers()
    for issuer in (one, two, one, two):
        assert issuer_keys.find(issuer, "k", now=now)
    assert asked == ["one.example", "two.example"]
    write(file, "two")
    assert token_issuers() == (two,)
    for issuer in (one, two):
        assert issuer_keys.find(issuer, "k", now=now)
    assert asked == ["one.example", "two.example", "one.example"]


def test_in_a_process_that_serves_a_thread_looks_and_no_request_does(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change holds within the promised half minute; a fork goes on; a thread that hangs is not waited for."""
    assert watcher.STALE_SECONDS == 30
    monkeypatch.setattr(issuers_file, "LOOK_SECONDS", 0.05)
    write(file, "one")
    keep_issuers_fresh()
    assert known() == ["one.example"]
    asked: list[int] = []

    def counted(path: Path) -> Mark:
        asked.append(threading.get_ident())
        return mark_of(path)

    monkeypatch.setattr(issuers_file, "mark_of", counted)
    write(file, "two")
    until = time.monotonic() + watcher.STALE_SECONDS
    while known() != ["two.example"]:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert threading.get_ident() not in asked
    store = token_issuers_module.issuers_file(str(file))
    monkeypatch.setattr(store.watcher, "_of_process", -1)
    assert known() == ["two.example"]
    assert threading.get_ident() in asked
    monkeypatch.setattr(store.watcher, "_every_seconds", 3_600.0)
    time.sleep(0.2)
    write(file, "three")
    monkeypatch.setattr(store.watcher, "_looked_at", time.monotonic() - watcher.STALE_SECONDS)
    assert known() == ["three.example"]


def test_an_issuer_of_workloads_has_neither_directory_nor_claim(file: Path) -> None:
    """Both are for people: with one of them nobody knows what was meant."""
    for changes in ({"claim": "sub"}, {"directory": "directory"}, {"longest": "25h"}):
        write(file, "one", **changes)
        with pytest.raises(Refused) as refusal:
            token_issuers()
        assert next(iter(changes)) in refusal.value.cause
    write(file, "one")
    [issuer] = token_issuers()
    assert (issuer.is_of_workloads, issuer.claim, issuer.longest.total_seconds()) == (True, "sub", 7_200)
