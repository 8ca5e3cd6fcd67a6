"""The page that shows credentials once, and what a program gets at the same address."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import boto3
import pytest
from django.conf import settings as site_settings
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from idp.models import AccessSession, User
from idp.models.session import SessionStore
from tests.integration.sts_bridge.world import ACCOUNT, Bridge
from tests.servers.site import ROOT

pytestmark = pytest.mark.django_db

HOST = "idp.example.test"
csrf_field = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@pytest.fixture(autouse=True)
def static_files_in_place(settings: Settings) -> None:
    settings.STATIC_ROOT = str(ROOT / "static")


class Texts(HTMLParser):
    """The text of every element that has an id."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.by_id: dict[str, str] = {}
        self.datetime_of: dict[str, str] = {}
        self.copies: set[str] = set()
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember where we are."""
        given = dict(attrs)
        self.inside = given.get("id") or ""
        if copied := given.get("data-copy"):
            self.copies.add(copied)
        if tag == "time" and self.inside:
            self.datetime_of[self.inside] = given.get("datetime") or ""

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser's protocol
        """Forget it."""
        self.inside = ""

    def handle_data(self, data: str) -> None:
        """Keep what belongs to an id."""
        if self.inside:
            self.by_id[self.inside] = self.by_id.get(self.inside, "") + data


class Visitor:
    """A person's browser, signed in, with a page of ours open."""

    def __init__(self, person: User) -> None:
        self.client = Client(enforce_csrf_checks=True, HTTP_HOST=HOST, HTTP_ORIGIN=f"https://{HOST}")
        session = SessionStore()
        session.create()
        session.sign_in(person, browser="test", address="192.0.2.7", now=datetime.now(UTC))
        self.client.cookies[site_settings.SESSION_COOKIE_NAME] = session.session_key or ""
        found = csrf_field.search(self.client.get("/", secure=True).content.decode())
        assert found
        self.csrf = found[1]

    def take(self, role: str, *, csrf: str | None = None, **headers: str) -> HttpResponse:
        """The answer to a click on the credentials of this role."""
        form = {"csrfmiddlewaretoken": self.csrf if csrf is None else csrf}
        path = f"/roles/{ACCOUNT}/{role}/credentials"
        return self.client.post(path, form, secure=True, headers=headers)  # type: ignore[return-value] # the client's own class of answer


def arn_of(access_key_id: str, secret: str, token: str, url: str) -> str:
    session = boto3.session.Session(access_key_id, secret, token, "us-east-1")
    arn: str = session.client("sts", endpoint_url=url).get_caller_identity()["Arn"]
    return arn


def test_the_page_shows_working_credentials_in_every_form(bridge: Bridge) -> None:
    """Each part stands under its id, works in boto3, has its copy button, and the page is stored nowhere."""
    answer = Visitor(bridge.person).take("ReadOnly")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    page = Texts(answer.content.decode())
    key, secret, token = (
        page.by_id[name] for name in ("access-key-id", "secret-access-key", "session-token")
    )
    assert arn_of(key, secret, token, bridge.aws.url).endswith(":assumed-role/ReadOnly/jane@example.test")
    row = AccessSession.objects.get()
    assert datetime.fromisoformat(page.datetime_of["expiration"]) == row.ends_at
    for name in ("bash", "fish", "powershell", "profile"):
        assert all(part in page.by_id[name] for part in (key, secret, token))
        assert f"#{name}" in page.copies
    assert {"#access-key-id", "#secret-access-key", "#session-token"} <= page.copies


def test_a_program_gets_the_json_of_a_credential_process(bridge: Bridge) -> None:
    """With `Accept: application/json` the answer is version 1 of that JSON, and it works."""
    answer = Visitor(bridge.person).take("Operator", accept="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer["Cache-Control"] == "no-store"
    given = json.loads(answer.content)
    assert (given["Version"], given["AccountId"]) == (1, ACCOUNT)
    arn = arn_of(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], bridge.aws.url)
    assert arn.endswith(":assumed-role/Operator/jane@example.test")


def test_a_role_that_aws_does_not_give_is_a_refusal_and_a_silent_aws_is_503(bridge: Bridge) -> None:
    """AWS's refusal is 403 with our code, no AWS message shown; AWS down is 503 with Retry-After."""
    visitor = Visitor(bridge.person)
    refused = visitor.take("NotInAws")
    assert refused.status_code == 403
    assert "aws-role-refused" in refused.content.decode()
    assert "AssumeRoleWithSAML" not in refused.content.decode()
    bridge.aws.stop()
    unavailable = visitor.take("Operator", accept="application/json")
    assert unavailable.status_code == 503
    assert unavailable["Retry-After"]
    assert json.loads(unavailable.content)["code"] == "aws-unavailable"
    for answer in (refused, unavailable):
        assert answer["Cache-Control"] == "no-store"


def test_nothing_is_given_without_a_click_of_the_person_s_own(bridge: Bridge) -> None:
    """No token, another's token, a GET, a stranger's role: nothing is given; with the click it is."""
    visitor = Visitor(bridge.person)
    for csrf in ("", "x" * 64):
        assert visitor.take("Operator", csrf=csrf).status_code == 403
    got = visitor.client.get(f"/roles/{ACCOUNT}/Operator/credentials", secure=True)
    assert (got.status_code, got["Location"]) == (302, f"/go/{ACCOUNT}/Operator")
    assert Visitor(bridge.stranger).take("Operator").status_code == 403
    nobody = Client(HTTP_HOST=HOST)
    path = f"/roles/{ACCOUNT}/Operator/credentials"
    assert nobody.post(path, secure=True)["Location"].startswith("/sign-in/")
    assert nobody.post(path, secure=True, headers={"accept": "application/json"}).status_code == 401
    assert not AccessSession.objects.exists()
    assert visitor.take("Operator").status_code == 200
    assert AccessSession.objects.count() == 1


@pytest.mark.parametrize("account", ["999900001111", "nobody", "<script>", "1" * 300])
def test_an_account_that_is_none_is_like_a_role_that_is_not_granted(bridge: Bridge, account: str) -> None:
    """An unknown account, an unknown role and a role not granted cannot be told apart, and nothing is echoed."""
    visitor = Visitor(bridge.person)
    path = f"/roles/{account}/Operator/credentials"
    answer = visitor.client.post(path, {"csrfmiddlewaretoken": visitor.csrf}, secure=True)
    assert answer.status_code == 403
    assert "role-not-granted" in answer.content.decode()
    assert account not in answer.content.decode()
    assert visitor.take("Operator").status_code == 200
