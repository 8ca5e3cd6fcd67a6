"""Other people's service providers against the running site: signing in, asking again, signing out; both of them."""

import base64
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import requests

from tests.pages import Form, Page
from tests.servers.apache import Apache, Mellon, Shibboleth
from tests.servers.site import Site
from tests.service_provider import key, query

KINDS: dict[str, type[Apache]] = {"mellon": Mellon, "shibboleth": Shibboleth}
LOGOUT = {"mellon": "/mellon/logout?ReturnTo={url}/", "shibboleth": "/Shibboleth.sso/Logout"}
WHO = {"username": "jane", "password": "demo-jane"}


class Walker:
    """A browser as far as HTTP goes, at several hosts: redirects, cookies, and pages that go on by themselves."""

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self.session = requests.Session()
        self.answer = requests.Response()
        self.brought: list[str] = []

    def get(self, address: str) -> "Walker":
        """What is shown in the end at this address."""
        self.answer = self.session.get(address, timeout=20)
        return self._settled()

    def submit(self, form: Form, **typed: str) -> "Walker":
        """What is shown after this form was sent with what was typed."""
        values = [(name, value) for name, value in form.fields if name not in typed] + list(typed.items())
        address = urljoin(self.answer.url, form.action or self.answer.url)
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.answer.url))
        self.answer = self.session.post(address, data=values, headers={"Origin": origin}, timeout=20)
        return self._settled()

    def sign_in(self) -> "Walker":
        """What is shown after name and password have been typed into the form that is there."""
        return self.submit(Page.read(self.answer.text).password_form, **WHO)

    def forget(self, service: Apache) -> None:
        """The browser has never been at the service."""
        host = urlsplit(service.url).hostname or ""
        for cookie in [one for one in self.session.cookies if host in one.domain]:
            self.session.cookies.clear(cookie.domain, cookie.path, cookie.name)

    @property
    def asks_for_password(self) -> bool:
        """Whether the sign-in form is shown."""
        return 'type="password"' in self.answer.text

    @property
    def is_inside(self) -> bool:
        """Whether the guarded room is shown."""
        return self.answer.text == "inside"

    def _settled(self) -> "Walker":
        page = Page.read(self.answer.text)
        if page.goes_on_to:
            return self.get(page.goes_on_to)
        posting = [form for form in page.forms if posts_itself(form)]
        if not posting:
            return self
        self.brought += [name for name, _ in posting[0].fields if name.startswith("SAML")]
        return self.submit(posting[0])


def posts_itself(form: Form) -> bool:
    """Whether a browser with scripts would send this form at once: ours, and those of services."""
    return form.attributes.get("id") == "post" or bool(
        form.values("SAMLRequest") + form.values("SAMLResponse")
    )


@pytest.fixture(scope="module", params=KINDS)
def service(request: pytest.FixtureRequest, site: Site) -> Iterator[Apache]:
    folder = Path(tempfile.mkdtemp(prefix="drawbridge-sp-", dir="/tmp"))
    try:
        with KINDS[request.param](folder, site) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def kind_of(service: Apache) -> str:
    """Its name in the table above."""
    return next(name for name, kind in KINDS.items() if isinstance(service, kind))


@pytest.fixture
def walker(service: Apache) -> Walker:
    """Somebody who has signed in at the service."""
    found = Walker()
    assert found.get(f"{service.url}/secret/").asks_for_password, found.answer.text[:2_000]
    assert found.sign_in().is_inside, found.answer.text[:2_000]
    return found


def test_signing_in(service: Apache, site: Site, walker: Walker) -> None:
    """The service knows the person by an opaque name and by what was agreed; the next visit asks nothing."""
    assert walker.answer.headers["X-Mail"] == "jane@example.test"
    assert walker.answer.headers["X-Name"].startswith("_")
    # Shibboleth lets it through only because our metadata names this scope.
    pairwise = walker.answer.headers["X-Pairwise"]
    assert pairwise.endswith(f"@{urlsplit(site.url).hostname}")
    walker.forget(service)
    assert walker.get(f"{service.url}/secret/").is_inside
    assert walker.answer.headers["X-Pairwise"] == pairwise


def test_asking_again(service: Apache, walker: Walker) -> None:
    """With ForceAuthn somebody who is signed in is asked for the password, and the service takes the answer."""
    name = walker.answer.headers["X-Name"]
    walker.forget(service)
    if isinstance(service, Shibboleth):
        walker.get(f"{service.url}/Shibboleth.sso/Login?forceAuthn=true&target={service.url}/secret/")
    else:
        # mod_auth_mellon has no switch for it: its own request with the wish added, signed by its own key.
        walker.get(forced(walker, service))
    assert walker.asks_for_password
    assert walker.sign_in().is_inside, walker.answer.text[:2_000]
    is_kept = service.name_id == "persistent"
    assert (walker.answer.headers["X-Name"] == name) is is_kept


def forced(walker: Walker, service: Apache) -> str:
    """The address that mod_auth_mellon would send a browser to if it could ask for a fresh sign-in."""
    begun = walker.session.get(f"{service.url}/secret/", allow_redirects=False, timeout=20)
    begun = walker.session.get(begun.headers["Location"], allow_redirects=False, timeout=20)
    address, _, text = begun.headers["Location"].partition("?")
    values = dict(part.split("=", 1) for part in text.split("&"))
    document = zlib.decompress(base64.b64decode(unquote(values["SAMLRequest"])), -15).decode()
    assert 'ForceAuthn="false"' in document
    wanted = document.replace('ForceAuthn="false"', 'ForceAuthn="true"')
    return f"{address}?{query(wanted, by=key('apache'), relay_state=unquote(values['RelayState']))}"


def test_the_service_signs_out(service: Apache, site: Site, walker: Walker) -> None:
    """What the service asks for ends the session here, and the service hears of it."""
    assert not walker.get(f"{site.url}/").asks_for_password
    walker.get(service.url + LOGOUT[kind_of(service)].format(url=service.url))
    assert walker.answer.ok
    assert urlsplit(walker.answer.url).netloc == urlsplit(service.url).netloc, walker.answer.text[:2_000]
    assert walker.get(f"{site.url}/").asks_for_password
    assert walker.get(f"{service.url}/secret/").asks_for_password


@pytest.mark.parametrize("service", ["shibboleth"], indirect=True)
def test_asking_by_form(service: Apache, site: Site) -> None:
    """Signed requests that are posted: for a sign-in, which our sign-in page does not lose, and for a logout."""
    walker = Walker()
    asked = walker.get(f"{service.url}/Shibboleth.sso/Post?target={service.url}/secret/")
    assert walker.brought == ["SAMLRequest"], walker.answer.text[:2_000]
    assert asked.asks_for_password, asked.answer.text[:2_000]
    assert walker.sign_in().is_inside, walker.answer.text[:2_000]
    walker.brought.clear()
    walker.get(f"{service.url}/Shibboleth.sso/PostLogout")
    assert walker.brought[:1] == ["SAMLRequest"], walker.answer.text[:2_000]
    assert urlsplit(walker.answer.url).netloc == urlsplit(service.url).netloc, walker.answer.text[:2_000]
    assert walker.get(f"{site.url}/").asks_for_password
    assert walker.get(f"{service.url}/secret/").asks_for_password


@pytest.mark.spec("Kantara IIP", "IDP17", "the asynchronous extension")
@pytest.mark.parametrize("service", ["shibboleth"], indirect=True)
def test_a_service_that_lets_go_of_the_person(service: Apache, site: Site, walker: Walker) -> None:
    """Shibboleth can ask for no answer: both sessions end, and our own page is the last one."""
    walker.get(f"{service.url}/Shibboleth.sso/Leave")
    assert urlsplit(walker.answer.url).netloc == urlsplit(site.url).netloc
    assert "You are signed out here" in walker.answer.text, walker.answer.text[:2_000]
    assert walker.get(f"{site.url}/").asks_for_password
    assert walker.get(f"{service.url}/secret/").asks_for_password


def test_signing_out_here_reaches_the_service(service: Apache, site: Site, walker: Walker) -> None:
    """The service confirms, and the guarded room asks for a password again."""
    walker.get(f"{site.url}/")
    walker.submit(Page.read(walker.answer.text).form("/sign-out/"))
    assert "You are signed out here" in walker.answer.text, walker.answer.text[:2_000]
    assert 'data-state="confirmed"' in walker.answer.text
    assert walker.get(f"{service.url}/secret/").asks_for_password


def test_starting_here(service: Apache, site: Site, walker: Walker) -> None:
    """A statement that the service has not asked for opens it, at the place that RelayState names."""
    walker.forget(service)
    walker.get(f"{site.url}/saml/sso/start?sp={service.entity_id}&RelayState={service.url}/secret/")
    walker.submit(Page.read(walker.answer.text).form("/saml/sso/start"))
    assert walker.is_inside, walker.answer.text[:2_000]
