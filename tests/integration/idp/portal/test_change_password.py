"""The page on which a password is changed, as a browser without scripts sees it."""

import pytest
from django.test import Client
from django.utils import timezone

from idp.services.known_browsers import KnownBrowser
from tests.integration.idp.services.doors import PER_PERSON, fail
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers, settings_changed

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "Entirely-New-42"
HOST = {"host": "idp.example.test"}
COOKIE = "__Host-drawbridge-known-browser"


@pytest.fixture
def reset(newcomers: Newcomers) -> Newcomers:
    """Ada's password has been reset."""
    policy = f"cn=must-change,ou=policies,{newcomers.slapd.base}"
    newcomers.add(
        policy,
        objectClass=["person", "pwdPolicy"],
        cn="must-change",
        sn="policy",
        pwdAttribute="userPassword",
        pwdMustChange="TRUE",
        pwdAllowUserChange="TRUE",
        pwdMinLength="10",
        pwdCheckQuality="2",
    )
    dn = newcomers.person("ada")
    newcomers.change(dn, f"add: pwdPolicySubentry\npwdPolicySubentry: {policy}")
    newcomers.change(dn, "replace: pwdReset\npwdReset: TRUE")
    return newcomers


def fields(**changes: str) -> dict[str, str]:
    """The form filled in rightly, but for the changes."""
    return {
        "username": "ada",
        "password": RIGHT_PASSWORD,
        "new_password": NEW_PASSWORD,
        "new_password_again": NEW_PASSWORD,
    } | changes


@pytest.mark.attack("LD-07")
@pytest.mark.usefixtures("reset")
def test_from_the_sign_in_to_the_roles(client: Client) -> None:
    """The right password leads to the form, which holds the name and no password; the change leads on."""
    answer = client.post(
        "/sign-in/", {"username": "ada", "password": RIGHT_PASSWORD, "next": "/sessions/"}, headers=HOST
    )
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "password-change-needed" in page
    assert 'action="/password/"' in page
    assert 'value="ada"' in page
    assert 'value="/sessions/"' in page
    assert RIGHT_PASSWORD not in page
    changed = client.post("/password/", fields(next="/sessions/"), headers=HOST)
    assert (changed.status_code, changed["Location"]) == (302, "/sessions/")
    assert client.get("/sessions/", headers=HOST).status_code == 200


@pytest.mark.attack("LD-07")
def test_from_the_admins_door_to_the_admin(client: Client, reset: Newcomers) -> None:
    """Staff that must change the password does so from that door as well, and goes on to where it was going."""
    group = reset.group("admins-of-a-test", f"uid=ada,ou=people,{reset.slapd.base}")
    with settings_changed(DRAWBRIDGE_ADMIN_GROUPS=(group,)):
        answer = client.post(
            "/admin/login/", {"username": "ada", "password": RIGHT_PASSWORD, "next": "/admin/"}, headers=HOST
        )
        assert (answer.status_code, b'action="/password/"' in answer.content) == (403, True)
        changed = client.post("/password/", fields(next="/admin/"), headers=HOST)
        assert (changed.status_code, changed["Location"]) == (302, "/admin/")
        assert client.get("/admin/", headers=HOST).status_code == 200


@pytest.mark.usefixtures("reset")
def test_each_refusal_keeps_the_name_and_no_password(client: Client) -> None:
    """Too short, typed in two ways, a wrong old one, a missing field: each says so and nothing secret comes back."""
    for changes, status, code in (
        ({"new_password": "short-1", "new_password_again": "short-1"}, 400, "new-password-refused"),
        ({"new_password_again": "Other-Than-That-1"}, 400, "not-the-same"),
        ({"new_password": RIGHT_PASSWORD, "new_password_again": RIGHT_PASSWORD}, 400, "not-new"),
        ({"password": "Wrong-Passw0rd-9"}, 403, "sign-in-refused"),
    ):
        answer = client.post("/password/", fields(**changes), headers=HOST)
        page = answer.content.decode()
        assert (answer.status_code, f'id="code">{code}<' in page) == (status, True), page
        assert 'value="ada"' in page
        assert not any(secret in page for secret in fields(**changes).values() if secret != "ada")
    missing = client.post("/password/", {"username": "ada", "password": RIGHT_PASSWORD}, headers=HOST)
    assert missing.status_code == 400
    assert client.post("/password/", fields(), headers=HOST).status_code == 302


@pytest.mark.attack("BF-02")
def test_a_browser_is_known_after_a_sign_in(client: Client, newcomers: Newcomers) -> None:
    """The cookie is signed, of this host alone, and keeps the door open while a stranger is throttled."""
    newcomers.person("ada")
    credentials = {"username": "ada", "password": RIGHT_PASSWORD}
    assert client.post("/sign-in/", credentials, headers=HOST).status_code == 302
    morsel = client.cookies[COOKIE]
    assert (morsel["secure"], morsel["httponly"], morsel["samesite"], morsel["domain"]) == (
        True,
        True,
        "Lax",
        "",
    )
    assert "ada" not in morsel.value
    assert KnownBrowser.read(morsel.value).holder_of("ada")
    fail("ada", PER_PERSON, now=timezone.now())
    stranger = Client(headers=HOST)
    throttled = stranger.post("/sign-in/", credentials)
    assert throttled.status_code == 429
    assert int(throttled["Retry-After"]) > 0
    assert client.post("/sign-in/", credentials, headers=HOST).status_code == 302


@pytest.mark.attack("BF-03")
def test_a_forwarded_address_changes_nothing(client: Client, newcomers: Newcomers) -> None:
    """Whoever names another address with each try is counted as the one they are."""
    assert newcomers
    statuses = [
        client.post(
            "/sign-in/",
            {"username": f"name-{number}", "password": "wrong"},
            headers=HOST | {"x-forwarded-for": f"203.0.113.{number}"},
        ).status_code
        for number in range(60)
    ]
    assert (statuses.count(403), statuses.count(429)) == (50, 10)


def test_a_grace_sign_in_says_so_on_the_next_page(client: Client, newcomers: Newcomers) -> None:
    """Let in with an expired password, the person reads how often that still goes, with the way to change it."""
    policy = f"cn=grace,ou=policies,{newcomers.slapd.base}"
    newcomers.add(
        policy, objectClass=["person", "pwdPolicy"], cn="grace", sn="policy",
        pwdAttribute="userPassword", pwdMaxAge="86400", pwdGraceAuthnLimit="2",
    )  # fmt: skip
    dn = newcomers.person("ada")
    newcomers.change(dn, f"add: pwdPolicySubentry\npwdPolicySubentry: {policy}")
    newcomers.force(dn, pwdChangedTime="20200101000000Z")
    answer = client.post("/sign-in/", {"username": "ada", "password": RIGHT_PASSWORD}, headers=HOST)
    assert answer.status_code == 302
    page = client.get("/", headers=HOST).content.decode()
    assert "It lets you in once more." in page
    assert '<a href="/password/">' in page
    assert "once more" not in client.get("/", headers=HOST).content.decode()


def test_whoever_wants_to_finds_the_way(client: Client, newcomers: Newcomers) -> None:
    """The sessions page leads to the change, which knows the name; where it is switched off there is no way."""
    newcomers.person("ada")
    assert (
        client.post("/sign-in/", {"username": "ada", "password": RIGHT_PASSWORD}, headers=HOST).status_code
        == 302
    )
    assert '<a href="/password/">change it</a>' in client.get("/sessions/", headers=HOST).content.decode()
    assert 'value="ada"' in client.get("/password/", headers=HOST).content.decode()
    assert client.post("/password/", fields(), headers=HOST)["Location"] == "/"
    with settings_changed(DRAWBRIDGE_PASSWORD_CHANGE=False):
        assert "/password/" not in client.get("/sessions/", headers=HOST).content.decode()


@pytest.mark.usefixtures("reset")
def test_where_passwords_are_changed_elsewhere(client: Client) -> None:
    """Switched off there is no page and no link; who must change is told so all the same."""
    with settings_changed(DRAWBRIDGE_PASSWORD_CHANGE=False):
        assert client.get("/password/", headers=HOST).status_code == 404
        assert "/password/" not in client.get("/sign-in/", headers=HOST).content.decode()
        answer = client.post("/sign-in/", {"username": "ada", "password": RIGHT_PASSWORD}, headers=HOST)
        assert answer.status_code == 403
        assert "password-change-needed" in answer.content.decode()
    assert "/password/" in client.get("/sign-in/", headers=HOST).content.decode()
    assert client.get("/password/", headers=HOST).status_code == 200
