"""Where one may be led after sign-in."""

import pytest
from django.test import RequestFactory
from django.urls import resolve
from hypothesis import given
from hypothesis import strategies as st

from idp.web.redirects import is_ours, safe_next, sign_in_address

OURS = [
    "/",
    "/sessions/",
    "/go/111122223333/ReadOnly",
    "/go/111122223333/a+b=c,d.e@f_g-h",
    "/go/111122223333/ReadOnly?to=https%3A%2F%2Fconsole.aws.amazon.com%2Fs3%2F&region=eu-west-1",
    "/admin/",
    "/admin/idp/rule/?q=auditors",
]
HOSTILE = [
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/%5Cevil.test",
    "/%2Fevil.test",
    "/%2f%2fevil.test",
    "https:evil.test",
    "https:/evil.test",
    "https://evil.test/",
    "https://idp.example.test@evil.test/",
    "https://idp.example.test.evil.test/",
    "http://idp.example.test/",
    "HtTpS://evil.test",
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "/\tevil.test",
    "/\n/evil.test",
    "/\r\nLocation: https://evil.test",
    "\t//evil.test",
    " //evil.test",
    "/ /evil.test",
    "/go/1/../../../evil",
    "/go/1/%2e%2e/x",
    "/go/../sign-out",
    "/sign-in/",
    "/sign-in/?next=//evil.test",
    "/sign-out/",
    "/admin/login/",
    "/admin/logout/",
    "/roles/111122223333/ReadOnly/console",
    "/roles/111122223333/ReadOnly/credentials",
    "/saml/metadata",
    "/health/live",
    "/static/portal/site.css",
    "/nothing/here",
    "sessions/",
    "?next=//evil.test",
    "",
    "/go/111122223333/Rôle",
    "/go/111122223333/%C2%A0",
    "/go/111122223333/%00",
    "/" + "a" * 5_000,
]


@pytest.mark.attack("RQ-08")
@pytest.mark.parametrize("asked", OURS)
def test_pages_of_ours_are_gone_to(asked: str) -> None:
    """An address of a listed page is kept byte for byte: the twin of every hostile one."""
    assert safe_next(asked) == asked


@pytest.mark.attack("RQ-08")
@pytest.mark.parametrize("asked", HOSTILE)
def test_everything_else_leads_to_the_roles(asked: str) -> None:
    """Other hosts in every spelling, doors that change something, and pages that are not listed are not gone to."""
    assert safe_next(asked) == "/"


@given(st.text(max_size=40).map(lambda tail: f"/{tail}") | st.text(max_size=60))
def test_whatever_is_accepted_is_a_page_of_ours(asked: str) -> None:
    """No text is accepted that a browser would read as another host, and none that no listed route serves."""
    if is_ours(asked):
        assert asked.startswith("/")
        assert not asked.startswith(("//", "/\\"))
        assert asked.isascii()
        assert asked.isprintable()
        assert resolve(asked.partition("#")[0].partition("?")[0]).url_name in {
            "roles",
            "go",
            "sessions",
            "index",
        }


@pytest.mark.parametrize(
    ("method", "path", "back"),
    [
        ("GET", "/", "/sign-in/"),
        ("GET", "/sessions/", "/sign-in/?next=%2Fsessions%2F"),
        ("GET", "/go/1/R?region=eu-west-1", "/sign-in/?next=%2Fgo%2F1%2FR%3Fregion%3Deu-west-1"),
        ("POST", "/roles/1/R/console", "/sign-in/?next=%2Fgo%2F1%2FR"),
        ("POST", "/sessions/end-others", "/sign-in/?next=%2Fsessions%2F"),
        ("POST", "/sign-out/", "/sign-in/"),
    ],
)
def test_after_sign_in_one_is_where_one_wanted_to_be(method: str, path: str, back: str) -> None:
    """A page is come back to with its query; a form that was posted leads to the page that holds it."""
    request = RequestFactory().generic(method, path)
    request.resolver_match = resolve(request.path)
    assert sign_in_address(request) == back
