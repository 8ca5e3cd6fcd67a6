"""`make smoke`: walks the main job through a running demo, as a browser and a command line would.

Reads only `.demo/ready.json` and the pages, and imports nothing of ours: it knows what a stranger knows.
Ends with 1 at the first step that fails.
"""

import argparse
import base64
import json
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import boto3
import requests
from botocore.exceptions import BotoCoreError, ClientError
from lxml import html

SECONDS = 20
OK, FORBIDDEN = 200, 403
REFUSALS = range(400, 500)
TOLD_CHARACTERS = 300
FROM_BELOW = (requests.RequestException, BotoCoreError, ClientError)

subject_name = re.compile(rb"(<(?:\w+:)?NameID\b[^>]*>)([^<]+)(<)")
variable_line = re.compile(r"^export ([A-Z_]+)=(.*)$", re.ASCII | re.MULTILINE)


@dataclass(frozen=True)
class Form:
    """One form of a page: where it leads, and the fields that it holds."""

    page: str
    action: str
    method: str
    fields: dict[str, str]


class Page:
    """One answer, read as HTML."""

    def __init__(self, answer: requests.Response) -> None:
        """Read it."""
        self.address, self.status, self.source = answer.url, answer.status_code, answer.text
        self.path = urlsplit(answer.url).path
        self.root: Any = html.document_fromstring(answer.text or "<p></p>")

    def all(self, tag: str, css_class: str = "") -> list[Any]:
        """The elements of this tag, and of this class where one is named."""
        found = self.root.iter(tag)
        return [one for one in found if not css_class or css_class in one.get("class", "").split()]

    def text(self, identifier: str) -> str:
        """The words in the element with this id; empty where there is none."""
        found = self.root.xpath("//*[@id=$wanted]", wanted=identifier)
        return found[0].text_content().strip() if found else ""

    def forms(self, below: Any = None) -> list[Form]:
        """The forms of the page, or those below one of its elements."""
        found = []
        for one in (self.root if below is None else below).iter("form"):
            fields = {name: value or "" for name, value in one.fields.items()}
            found.append(Form(self.address, one.action or self.address, one.method, fields))
        return found

    def form(self, is_it: Callable[[Form], bool]) -> Form:
        """The first form of which this holds; refuses the page if there is none."""
        found = [form for form in self.forms() if is_it(form)]
        expect(found, "a form that is not there", page=self)
        return found[0]

    def told(self) -> str:
        """What the page says to a person, in short."""
        return " ".join((self.all("main") or [self.root])[0].text_content().split())[:TOLD_CHARACTERS]


class StepFailedError(Exception):
    """What was expected, and what came."""


def expect(held: object, expected: str, *, page: Page | None = None) -> None:
    """This holds; refuses with the sentence otherwise, and shows what the page said."""
    if not held:
        shown = f"\n    {page.address} answered {page.status}: {page.told()}" if page else ""
        raise StepFailedError(f"expected {expected}{shown}")


class Browser:
    """As much of a browser as the walk needs: cookies, redirects, forms."""

    def __init__(self, portal: str) -> None:
        """Nobody is signed in."""
        self.portal = portal
        self.session = requests.Session()
        # No proxy and no .netrc of the person's between us and the demo.
        self.session.trust_env = False

    def open(self, path: str) -> Page:
        """The page at a path of the portal, after redirects."""
        return Page(self.session.get(urljoin(self.portal, path), timeout=SECONDS))

    def submit(self, form: Form, fields: dict[str, str] | None = None) -> Page:
        """The page that comes of a form, with these fields filled in."""
        address, data = urljoin(form.page, form.action), form.fields | (fields or {})
        headers = {"Origin": "{0.scheme}://{0.netloc}".format(urlsplit(form.page))}
        return Page(self.session.request(form.method, address, data=data, headers=headers, timeout=SECONDS))

    def sign_in(self, username: str, password: str) -> Page:
        """What comes of the sign-in form."""
        page = self.open("/")
        expect(page.path == "/sign-in/", "to be asked to sign in", page=page)
        form = page.form(lambda form: "password" in form.fields)
        return self.submit(form, {"username": username, "password": password})


class Walk:
    """The steps, in their order; each leaves behind what the next one needs."""

    def __init__(self, ready: dict[str, Any]) -> None:
        """Choose who walks: the person with the most roles."""
        self.ready = ready
        people = [person for person in ready["people"] if person["may_sign_in"]]
        self.person = max(people, key=lambda person: len(person["roles"]))
        self.arns = sorted(self.person["roles"])
        everything = {arn for person in people for arn in person["roles"]}
        self.foreign = min(everything - set(self.arns))
        self.browser = Browser(ready["portal"])
        self.roles: Page
        self.credentials: dict[str, str] = {}

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """What is done, in words, and by whom."""
        yield "a wrong password is refused", self.refuse_wrong_password
        yield "sign in", self.sign_in
        yield "roles", self.see_roles
        yield "a role that is not granted is refused", self.refuse_foreign_role
        yield "console", self.open_console
        yield "a tampered statement is refused", self.refuse_tampered_statement
        yield "credentials", self.take_credentials
        yield "get-caller-identity", self.ask_who_i_am
        yield "sessions", self.see_sessions
        yield "sign out", self.sign_out

    def refuse_wrong_password(self) -> str:
        """The form comes again, with a sentence and a reference, and nobody is signed in."""
        page = Browser(self.ready["portal"]).sign_in(self.person["username"], "not-the-password")
        expect(page.status == FORBIDDEN and not page.all("article"), "status 403, and no role", page=page)
        expect(page.text("sentence") and page.text("reference"), "a sentence and a reference", page=page)
        return page.text("sentence")

    def sign_in(self) -> str:
        """The right password leads to the roles."""
        self.roles = self.browser.sign_in(self.person["username"], self.person["password"])
        expect((self.roles.status, self.roles.path) == (OK, "/"), "to land on my roles", page=self.roles)
        return f"as {self.person['username']}"

    def see_roles(self) -> str:
        """Exactly the roles that this person must see."""
        seen = sorted(role.get("data-arn") for role in self.roles.all("article", "role"))
        expect(seen == self.arns, f"these roles: {self.arns}; there are {seen}", page=self.roles)
        return f"{len(seen)} roles in {len(self.roles.all('section', 'account'))} accounts"

    def refuse_foreign_role(self) -> str:
        """The form of a role of one's own, sent to a role of somebody else's, is refused."""
        _, account, name = parts_of(self.foreign)
        own = self.form_of(self.arns[0], "/console")
        page = self.browser.submit(replace(own, action=f"/roles/{account}/{name}/console"))
        expect(page.status == FORBIDDEN and "SAMLResponse" not in page.source, "status 403", page=page)
        expect(page.text("code") and page.text("reference"), "a code and a reference", page=page)
        return f"{name} of {account}: {page.text('code')}"

    def open_console(self) -> str:
        """One click leads to the console page, which shows who one is."""
        page = self.browser.submit(self.statement_of(self.arns[0]))
        self.expect_console(page, self.arns[0])
        return page.text("arn")

    def refuse_tampered_statement(self) -> str:
        """One changed letter is refused; the same statement unchanged is taken."""
        form = self.statement_of(self.arns[0])
        document = base64.b64decode(form.fields["SAMLResponse"])
        changed = subject_name.sub(rb"\1x\2\3", document)
        expect(changed != document, "a subject in the statement")
        page = Browser(self.ready["portal"]).submit(
            form, {"SAMLResponse": base64.b64encode(changed).decode()}
        )
        expect(page.status in REFUSALS, "a refusal by the local AWS", page=page)
        expect("signature" in page.text("error-message").lower(), "a word about the signature", page=page)
        self.expect_console(Browser(self.ready["portal"]).submit(form), self.arns[0])
        return f"{page.text('error-code')}: {page.text('error-message')}"

    def take_credentials(self) -> str:
        """The page shows temporary credentials, and the lines for a shell say the same."""
        page = self.browser.submit(self.form_of(self.arns[0], "/credentials"))
        expect(page.status == OK, "status 200", page=page)
        lines = variable_line.findall(page.text("bash"))
        self.credentials = {name: "".join(shlex.split(value)) for name, value in lines}
        shown = {
            "AWS_ACCESS_KEY_ID": page.text("access-key-id"),
            "AWS_SECRET_ACCESS_KEY": page.text("secret-access-key"),
            "AWS_SESSION_TOKEN": page.text("session-token"),
        }
        expect(all(shown.values()), "all three values on the page")
        expect(shown.items() <= self.credentials.items(), "the same values in the lines for bash")
        return f"{shown['AWS_ACCESS_KEY_ID']}, until {page.text('expiration')}"

    def ask_who_i_am(self) -> str:
        """An unmodified boto3, pointed at the local AWS by its own variables, is who the page said."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(self.ready["env"] | self.credentials)
        answer = boto3.client("sts").get_caller_identity()
        partition, account, name = parts_of(self.arns[0])
        begins = f"arn:{partition}:sts::{account}:assumed-role/{name}/"
        well = answer["Account"] == account and answer["Arn"].startswith(begins)
        expect(well, f"{begins}..., not {answer['Arn']}")
        return str(answer["Arn"])

    def see_sessions(self) -> str:
        """The console session and the credentials stand there with their ends."""
        page = self.browser.open("/sessions/")
        rows = [row for row in page.all("tr", "access") if row.get("data-arn") == self.arns[0]]
        states = [row.get("data-state") for row in rows]
        expect("offered" in states and "active" in states, "the console and the credentials", page=page)
        return f"{states.count('offered')} consoles and {states.count('active')} credentials of this role"

    def sign_out(self) -> str:
        """The cookie of before is worth nothing afterwards."""
        cookies = self.browser.session.cookies.copy()
        page = self.browser.submit(self.roles.form(lambda form: form.action.endswith("/sign-out/")))
        expect(page.path == "/sign-in/", "to be back at the sign-in", page=page)
        self.browser.session.cookies = cookies
        expect(self.browser.open("/").path == "/sign-in/", "the old cookie to be refused")
        return "the old cookie is refused"

    def form_of(self, arn: str, ending: str) -> Form:
        """The form of one role whose address ends so."""
        roles = [role for role in self.roles.all("article", "role") if role.get("data-arn") == arn]
        forms = [form for form in self.roles.forms(roles[0]) if form.action.endswith(ending)]
        expect(len(forms) == 1, f"one form to ...{ending} at {arn}", page=self.roles)
        return forms[0]

    def statement_of(self, arn: str) -> Form:
        """The form that a browser would post to AWS by itself after the click."""
        page = self.browser.submit(self.form_of(arn, "/console"))
        expect(page.status == OK, "status 200", page=page)
        form = page.form(lambda form: "SAMLResponse" in form.fields)
        expect(form.action == f"{self.ready['aws']}/saml", "a form to the local AWS", page=page)
        return form

    def expect_console(self, page: Page, arn: str) -> None:
        """The page is the console, and says the role and account that were clicked."""
        _, account, name = parts_of(arn)
        expect(page.status == OK and page.path == "/console/", "to land in the console", page=page)
        who = f"::{account}:assumed-role/{name}/"
        expect(page.text("role") == name and who in page.text("arn"), f"to be {who}...", page=page)
        expect(account in page.text("account") and page.text("ends-at"), "the account and the end", page=page)


def parts_of(arn: str) -> tuple[str, str, str]:
    """Partition, account and name of a role."""
    _, partition, _, _, account, path = arn.split(":", maxsplit=5)
    return partition, account, path.rpartition("/")[2]


def main() -> int:
    """Every step was taken, or the first that failed is told."""
    reader = argparse.ArgumentParser(prog="make smoke", description=__doc__)
    reader.add_argument("--dir", type=Path, default=Path(".demo"), help="the demo's folder (default: .demo)")
    file = reader.parse_args().dir / "ready.json"
    if not file.exists():
        sys.stderr.write(f"There is no {file}: start the demo with `make demo` and wait until it is ready.\n")
        return 1
    began = time.monotonic()
    walk = Walk(json.loads(file.read_text(encoding="utf-8")))
    for words, step in walk.steps():
        step_began = time.monotonic()
        try:
            told, well = step(), True
        except (StepFailedError, LookupError, *FROM_BELOW) as problem:
            told, well = f"{type(problem).__name__}: {problem}", False
        print(f"{'ok  ' if well else 'FAIL'} {time.monotonic() - step_began:6.2f} s  {words}: {told}")
        if not well:
            return 1
    print(f"All steps in {time.monotonic() - began:.1f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
