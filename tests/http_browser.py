"""A browser as far as HTTP goes: one kept connection, cookies, forms; an unexpected status ends the walk."""

import base64
import re
from html import unescape
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

csrf_field = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
saml_field = re.compile(r'name="SAMLResponse" value="([^"]+)"')


class UnexpectedAnswerError(AssertionError):
    """The site answered with another status than the walk needs."""


class HttpBrowser:
    """One person's browser; `text`, `status` and `headers` are those of the last answer."""

    def __init__(self, url: str) -> None:
        """Nothing is asked yet."""
        self.url = url
        self.host = urlsplit(url).netloc
        self.connection = HTTPConnection(self.host, timeout=30)
        self.cookies: dict[str, str] = {}
        self.csrf = ""
        self.status = 0
        self.text = ""
        self.headers: dict[str, str] = {}

    def __del__(self) -> None:
        """A browser that nobody holds any more leaves no connection behind."""
        self.connection.close()

    def ask(
        self,
        method: str,
        path: str,
        form: dict[str, str] | None = None,
        *,
        expect: int | None = 200,
        headers: dict[str, str] | None = None,
    ) -> str:
        """The page; refuses any other status than the expected (None: whatever comes)."""
        sent = {"Host": self.host, "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        body = None
        if form is not None:
            body = urlencode(form)
            sent |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.url}
        self.connection.request(method, path, body=body, headers=sent | (headers or {}))
        answer = self.connection.getresponse()
        self.status, self.text = answer.status, answer.read().decode()
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        for value in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(value).items():
                self.cookies[name] = morsel.value
        found = csrf_field.search(self.text)
        if found:
            self.csrf = found[1]
        if expect is not None and self.status != expect:
            raise UnexpectedAnswerError(
                f"{method} {path} answered {self.status} instead of {expect}:\n{self.text[:2_000]}"
            )
        return self.text

    def post(
        self, path: str, form: dict[str, str] | None = None, *, expect: int | None = 200, **headers: str
    ) -> str:
        """The answer to a form of ours, with its CSRF field."""
        fields = {"csrfmiddlewaretoken": self.csrf, **(form or {})}
        return self.ask("POST", path, fields, expect=expect, headers=headers)

    def try_sign_in(self, username: str, password: str, *, expect: int | None) -> str:
        """The answer to a sign-in in a browser without cookies."""
        self.cookies.clear()
        self.ask("GET", "/sign-in/")
        return self.post("/sign-in/", {"username": username, "password": password}, expect=expect)

    def sign_in(self, username: str, password: str) -> str:
        """Form, post, roles page."""
        self.try_sign_in(username, password, expect=302)
        return self.ask("GET", "/")

    def open_console(self, account: str, role: str, *, expect: int | None = 200) -> str:
        """The base64 statement of one console click; empty where it was refused."""
        page = self.post(f"/roles/{account}/{role}/console", expect=expect)
        found = saml_field.search(page)
        if not found and expect == 200:
            raise UnexpectedAnswerError(f"no statement on the page:\n{page[:2_000]}")
        return unescape(found[1]) if found else ""

    def document(self, account: str, role: str) -> str:
        """The signed XML of one console click."""
        return base64.b64decode(self.open_console(account, role)).decode()
