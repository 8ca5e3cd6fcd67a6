"""The bridge and everything that it needs, running."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from deploy.demo.slapd import Slapd, free_port
from idp.services.keys import make_signing_key
from idp.services.mapping import import_mapping
from tests.integration.sts_bridge.broker_world import Broker, broker_at
from tests.integration.sts_bridge.token_world import Stand, stand_at
from tests.integration.sts_bridge.world import MAPPING, ROLES, Bridge, forget_everything, person, world_of
from tests.servers.issuer import Issuer
from tests.servers.local_aws import LocalAws


@pytest.fixture
def bridge(
    company: Slapd,
    db: None,  # noqa: ARG001 - the tables must be there
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bridge]:
    """Jane may take four roles, and two of them are wrong in AWS; Nils may take none."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
    settings.DRAWBRIDGE_KEY_DIR = str(tmp_path / "keys")
    settings.DRAWBRIDGE_AWS_SIGNIN_URL = url
    settings.DRAWBRIDGE_DEMO = True
    forget_everything()
    now = datetime.now(UTC)
    make_signing_key(now=now)
    groups = "\n".join(
        f"dn: cn=PAY-{role},ou=groups,{company.base}\nchangetype: add\nobjectClass: groupOfNames\n"
        f"cn: PAY-{role}\nmember: uid=jane,ou=people,{company.base}\n"
        for role in ROLES
    )
    company.modify(groups)
    import_mapping(MAPPING, actor="test", origin=None, now=now)
    try:
        with LocalAws(world_of(url), port=port) as aws:
            yield Bridge(aws, person("jane", now), person("nils", now))
    finally:
        gone = (f"dn: cn=PAY-{role},ou=groups,{company.base}\nchangetype: delete\n" for role in ROLES)
        company.modify("\n".join(gone))
        forget_everything()


@pytest.fixture
def broker(
    company: Slapd,
    db: None,  # noqa: ARG001 - the tables must be there
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Broker]:
    with broker_at(company, settings, monkeypatch, str(tmp_path / "keys")) as running:
        yield running


@pytest.fixture(scope="module")
def issuers() -> Iterator[tuple[Issuer, Issuer]]:
    """One speaks of people, the other of builds."""
    with Issuer() as people, Issuer() as builds:
        yield people, builds


@pytest.fixture
def stand(
    company: Slapd,
    db: None,  # noqa: ARG001 - the tables must be there
    issuers: tuple[Issuer, Issuer],
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stand]:
    with stand_at(company, issuers, tmp_path, settings, monkeypatch) as running:
        yield running
