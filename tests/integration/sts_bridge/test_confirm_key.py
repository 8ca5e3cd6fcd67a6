"""Which accounts have the next certificate, asked of a local AWS: what is there is confirmed, and nothing else."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings

from idp.models import KeyConfirmation, Role
from idp.services.key_rollover import publish, take_step_back
from idp.services.keys import make_signing_key
from idp.services.metadata import our_metadata
from idp.services.provider_changes import Author
from idp.services.rollover_state import rollover
from sts_bridge.aws.iam import Iam
from sts_bridge.conf import bridge_config
from sts_bridge.services.account_roles import credentials_in_account
from sts_bridge.services.confirm_key import confirm_accounts
from sts_bridge.tasks import confirm_key
from tests.integration.sts_bridge.broker_world import FAR, NEAR, READER, Broker
from tests.integration.sts_bridge.world import forget_everything

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def may_read(settings: Settings) -> None:
    settings.DRAWBRIDGE_READER_ROLE = READER


def waiting() -> set[str]:
    return {party.party for party in rollover().waiting_for}


def seen() -> dict[str, Any]:
    out = StringIO()
    call_command("confirm_key", "--json", stdout=out)
    return {one["account"]: one for one in json.loads(out.getvalue())["accounts"]}


@pytest.mark.attack("MD-06")
def test_an_account_is_confirmed_when_aws_has_the_certificate(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before; an account whose provider cannot be read stays on the list, with why."""
    assert seen() == {}, "no key waits"
    Role.objects.filter(name="Chained").update(road="saml")
    make_signing_key(now=datetime.now(UTC))
    assert waiting() == {NEAR, FAR}
    first = seen()
    assert (first[NEAR]["has_it"], first[NEAR]["problem"]) == (False, "")
    assert first[FAR]["problem"], "there is no provider in this account"
    assert waiting() == {NEAR, FAR}
    told = {party.party: party.told for party in rollover().parties}
    assert "has it not, as read in AWS" in told[NEAR]
    assert "could not be read" in told[FAR]
    # What the account's administrator does with the new file; AWS wraps nothing, but others might.
    document = our_metadata().decode().replace("MII", "\n  MII")
    real = Iam.saml_provider_metadata

    def updated(self: Iam, arn: str) -> str:
        assert real(self, arn)
        return document

    with monkeypatch.context() as patch:
        patch.setattr(Iam, "saml_provider_metadata", updated)
        assert seen()[NEAR]["has_it"]
    assert waiting() == {FAR}
    [party] = [party for party in rollover().parties if party.party == NEAR]
    assert party.confirmed_by.startswith("AWS IAM")
    assert party.told.startswith("has it: AWS IAM")
    del broker


@pytest.mark.attack("MD-06")
def test_another_key_that_waits_by_now_is_not_confirmed(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While AWS was read somebody withdrew the key and published another: nothing is known of that one."""
    make_signing_key(now=datetime.now(UTC))
    document, author = our_metadata().decode(), Author("somebody else")

    def meanwhile(_self: Iam, _arn: str) -> str:
        take_step_back(author=author, now=datetime.now(UTC))
        publish(author=author, now=datetime.now(UTC))
        return document

    with monkeypatch.context() as patch:
        patch.setattr(Iam, "saml_provider_metadata", meanwhile)
        confirm_key()
    assert not KeyConfirmation.objects.exists()
    assert NEAR in waiting()
    with monkeypatch.context() as patch:
        patch.setattr(Iam, "saml_provider_metadata", lambda _self, _arn: our_metadata().decode())
        confirm_key()
    assert NEAR not in waiting()
    del broker


def test_a_turn_goes_on_where_the_last_one_stopped(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """More accounts than one turn takes: each begins with whom nobody asked for longest, and keeps what it saw."""
    Role.objects.filter(name="Chained").update(road="saml")
    make_signing_key(now=datetime.now(UTC))
    monkeypatch.setattr(Iam, "saml_provider_metadata", lambda _self, _arn: "none of ours")
    turns = [
        [one.account for one in confirm_accounts(now=datetime.now(UTC), most=timedelta(0))] for _ in range(3)
    ]
    assert {turns[0][0], turns[1][0]} == {NEAR, FAR}
    assert turns[2] == turns[0]
    assert all(party.looked_at for party in rollover().waiting_for)
    del broker


def test_what_aws_has_is_read_with_the_right_to_read(broker: Broker, settings: Settings) -> None:
    """The provider's metadata comes back as it was given; without a reader role nothing is asked."""
    credentials = credentials_in_account(partition="aws", account=NEAR, role_name=READER)
    iam = Iam(credentials, partition="aws", config=bridge_config())
    assert "EntityDescriptor" in iam.saml_provider_metadata(f"arn:aws:iam::{NEAR}:saml-provider/drawbridge")
    make_signing_key(now=datetime.now(UTC))
    settings.DRAWBRIDGE_READER_ROLE = ""
    forget_everything()
    assert confirm_accounts(now=datetime.now(UTC)) == []
    del broker
