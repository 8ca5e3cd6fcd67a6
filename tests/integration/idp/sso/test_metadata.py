"""/saml/metadata, through the whole site. The database is out of reach: these tests may not ask it."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from django.test import Client, override_settings
from django.urls import reverse
from lxml import etree
from saml2.md import entity_descriptor_from_string

from tests.statements import keys_in, make, promote


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client of the whole site, whose static files were not collected."""
    with override_settings(STATIC_ROOT=str(tmp_path)):
        yield Client(raise_request_exception=False, headers={"Host": "idp.example.test"})


def test_metadata_is_given_to_everybody_without_the_database(key_dir: Path, client: Client) -> None:
    """The registered type, the whole document, no cookie; HEAD gives the same without the body."""
    keys_in(key_dir)
    address = reverse("saml-metadata")
    assert address == "/saml/metadata"
    answer = client.get(address, secure=True)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/samlmetadata+xml"
    assert entity_descriptor_from_string(answer.content).entity_id == "https://idp.example.test/saml/metadata"
    assert len(answer.content) >= 1_000
    assert not answer.cookies
    head = client.head(address, secure=True)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_other_methods_are_refused(method: str, key_dir: Path, client: Client) -> None:
    """There is nothing to change at this address."""
    keys_in(key_dir)
    assert getattr(client, method)("/saml/metadata", secure=True).status_code == 405
    assert client.get("/saml/metadata", secure=True).status_code == 200


def test_every_change_of_keys_is_in_the_next_answer(key_dir: Path, client: Client, now: datetime) -> None:
    """One certificate, then two, and after the promotion still two."""
    keys_in(key_dir)
    counts = []
    for change in (None, make, promote):
        if change:
            change(key_dir, now=now)
        counts.append(client.get("/saml/metadata", secure=True).content.count(b"<ds:X509Certificate>"))
    assert counts == [1, 2, 2]


@pytest.mark.fault(19)
def test_without_a_key_it_is_unavailable(key_dir: Path, client: Client) -> None:
    """503 and nothing of the cause, which names paths; with a key it is there."""
    answer = client.get("/saml/metadata", secure=True)
    assert answer.status_code == 503
    assert str(key_dir).encode() not in answer.content
    keys_in(key_dir)
    assert client.get("/saml/metadata", secure=True).status_code == 200


def test_the_error_page_that_it_names_is_there_for_everybody(key_dir: Path, client: Client) -> None:
    """Nobody has to sign in for it, and it shows nothing of what an address brings."""
    keys_in(key_dir)
    address = etree.fromstring(client.get("/saml/metadata", secure=True).content).find("{*}IDPSSODescriptor")
    assert address is not None
    assert address.get("errorURL") == f"https://idp.example.test{reverse('saml-help')}"
    answer = client.get(f"{reverse('saml-help')}?entityID=https%3A%2F%2Fevil.example", secure=True)
    assert answer.status_code == 200
    assert b"A service did not let you in" in answer.content
    assert b"evil" not in answer.content
