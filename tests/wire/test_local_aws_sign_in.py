"""The sign-in page, the choice of a role and the console of the local AWS, as a browser sees them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from lxml import etree, html

from tests.attacks import forge
from tests.servers.local_aws import LocalAws

PAIRS = (
    f"{forge.ROLE},{forge.PROVIDER}",
    f"{forge.PROVIDER},{forge.ADMIN}",
    f"{forge.OTHER_ROLE},{forge.OTHER_PROVIDER}",
)


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws(forge.world()) as running:
        yield running


def post(
    aws: LocalAws,
    statement: forge.Statement | bytes,
    *,
    browser: requests.Session | None = None,
    follow: bool = True,
    **form: str,
) -> requests.Response:
    document = statement if isinstance(statement, bytes) else forge.signed(statement, "both")
    fields = {"SAMLResponse": forge.encode(document)} | form
    return (browser or requests.Session()).post(
        aws.url + "/saml", data=fields, timeout=10, allow_redirects=follow
    )


def tree_of(answer: requests.Response) -> Any:
    """The page as lxml reads it; its stubs know no HTML."""
    return html.fromstring(answer.text)


def shown(answer: requests.Response, identifier: str) -> str | None:
    found = tree_of(answer).get_element_by_id(identifier, None)
    return None if found is None else str(found.text_content())


def test_one_role_opens_the_console(aws: LocalAws) -> None:
    """A statement with one role leads straight to a page that shows who one is there."""
    answer = post(aws, forge.Statement())
    assert [step.status_code for step in answer.history] == [303]
    assert (answer.status_code, answer.url) == (200, f"{aws.url}/console/")
    assert shown(answer, "account") == f"payments-production ({forge.ACCOUNT})"
    assert shown(answer, "role") == "ReadOnly"
    assert shown(answer, "session") == "ada@example.test"
    assert shown(answer, "arn") == f"arn:aws:sts::{forge.ACCOUNT}:assumed-role/ReadOnly/ada@example.test"
    assert shown(answer, "destination") is None
    ends_at = datetime.fromisoformat(shown(answer, "ends-at") or "")
    assert (ends_at - datetime.now(UTC)).total_seconds() == pytest.approx(3600, abs=5)
    cookie = answer.history[0].headers["set-cookie"].lower()
    assert cookie.startswith("local-aws-console=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/console/" in cookie


def test_pages_are_whole_in_themselves(aws: LocalAws) -> None:
    """Every page has a strict policy, no script and nothing from elsewhere, and is not stored."""
    several = forge.Statement().with_attributes(Role=PAIRS)
    pages = [
        post(aws, forge.Statement()),
        post(aws, several),
        post(aws, b"<x/>"),
        requests.get(aws.url + "/console/", timeout=10),
    ]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "<script" not in page.text
        assert not re.search(r"(?:src|href)=.?http", page.text)


def test_several_roles_are_offered_in_the_known_mark_up(aws: LocalAws) -> None:
    """The role page has the structure that command-line tools read, and choosing a role opens it."""
    statement = forge.Statement().with_attributes(Role=PAIRS)
    browser = requests.Session()
    page = post(aws, statement, browser=browser, RelayState="https://console.aws.amazon.com/s3")
    tree = tree_of(page)
    accounts = tree.xpath("//fieldset/div[@class='saml-account']")
    names = [account.xpath("string(div[@class='saml-account-name'])") for account in accounts]
    assert names == [f"Account: payments-production ({forge.ACCOUNT})", f"Account: {forge.OTHER_ACCOUNT}"]
    roles = tree.xpath(
        "//div[@class='saml-role']/input[@class='saml-radio'][@type='radio'][@name='roleIndex']"
    )
    arns = [forge.ROLE, forge.ADMIN, forge.OTHER_ROLE]
    assert [role.get("value") for role in roles] == arns
    assert [role.get("id") for role in roles] == arns
    labels = tree.xpath("//label[@class='saml-role-description']")
    assert [(label.get("for"), label.text_content()) for label in labels] == list(
        zip(arns, ["ReadOnly", "Admin", "Auditor"], strict=True)
    )
    (form,) = tree.xpath("//form")
    fields = dict(form.form_values())
    assert form.action == "/saml"
    for arn, name in zip(arns, ["ReadOnly", "Admin", "Auditor"], strict=True):
        answer = browser.post(aws.url + form.action, data=fields | {"roleIndex": arn}, timeout=10)
        assert shown(answer, "role") == name
        assert shown(answer, "destination") == "https://console.aws.amazon.com/s3"


def test_a_role_that_was_not_offered_is_refused(aws: LocalAws) -> None:
    """A choice that is not in the signed statement opens nothing."""
    statement = forge.Statement().with_attributes(Role=PAIRS[:2])
    for chosen in (forge.OTHER_ROLE, forge.ROLE + "x", "", f"{forge.ROLE},{forge.PROVIDER}"):
        answer = post(aws, statement, roleIndex=chosen)
        assert answer.status_code in {400, 403}
        assert shown(answer, "error-code") is not None
    assert shown(post(aws, statement, roleIndex=forge.ADMIN), "role") == "Admin"


def late() -> forge.Statement:
    return forge.Statement(now=datetime.now(UTC) - timedelta(minutes=7))


def refusals() -> dict[str, tuple[forge.Statement | bytes, int, str, str]]:
    """What is posted, and what the page answers; made when asked for, because a statement is good for minutes."""
    return {
        "nothing": (b"", 400, "ValidationError", "Your request did not include a SAML response."),
        "nonsense": (b"<x/>", 400, "InvalidIdentityToken", "Your request included an invalid SAML response."),
        "tampered": (
            forge.signed(forge.Statement(), "both").replace(b"ada@", b"eve@"),
            400,
            "InvalidIdentityToken",
            "Response signature invalid",
        ),
        "issuer": (
            replace(forge.Statement(), issuer=forge.PARTNER_ISSUER),
            400,
            "AuthSamlInvalidSamlResponseException",
            "Failed to assume role: Issuer not present in specified provider",
        ),
        "provider": (
            forge.Statement().for_role(forge.ROLE, forge.PROVIDER + "x"),
            400,
            "InvalidIdentityToken",
            "Specified provider doesn't exist.",
        ),
        "no-role": (
            forge.Statement().with_attributes(Role=None),
            400,
            "InvalidIdentityToken",
            "Your request included an invalid SAML response.",
        ),
        "blank-in-role": (
            forge.Statement().with_attributes(Role=f"{forge.ROLE}, {forge.PROVIDER}"),
            400,
            "InvalidIdentityToken",
            "Your request included an invalid SAML response.",
        ),
        "audience": (
            replace(forge.Statement(), restrictions=(("urn:x",),)),
            400,
            "InvalidIdentityToken",
            "Response does not contain the required audience.",
        ),
        "no-session-name": (
            forge.Statement().with_attributes(RoleSessionName=None),
            400,
            "InvalidIdentityToken",
            "RoleSessionName is required in AuthnResponse",
        ),
        "unknown-role": (
            forge.Statement().for_role(forge.ROLE + "x"),
            403,
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithSAML",
        ),
        "late": (late(), 400, "ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance"),
        "too-long": (
            forge.Statement().with_attributes(SessionDuration="7200"),
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ),
    }


@pytest.mark.parametrize("name", sorted(refusals()))
def test_a_refused_sign_in_says_why(name: str, aws: LocalAws) -> None:
    """A refusal is a page with AWS's code and sentence, one line in the log, and no cookie."""
    statement, status, code, message = refusals()[name]
    aws.new_log_lines()
    answer = post(aws, statement)
    assert answer.status_code == status
    assert (shown(answer, "error-code"), shown(answer, "error-message")) == (code, message)
    assert "set-cookie" not in answer.headers
    (line,) = aws.new_log_lines()
    assert (line["event"], line["operation"], line["code"]) == ("refused", "SignIn", code)
    assert shown(answer, "request-id") == line["request_id"]
    assert post(aws, forge.Statement()).status_code == 200


def test_an_encrypted_assertion_is_refused_with_a_plain_word(aws: LocalAws) -> None:
    """Whoever encrypts is told that nothing here decrypts; the same in plain opens the console."""
    text = forge.Statement().xml()
    start, end = text.index("<saml:Assertion"), text.index("</samlp:Response>")
    hidden = f"{text[:start]}<saml:EncryptedAssertion/>{text[end:]}"
    answer = post(aws, hidden.encode())
    assert answer.status_code == 400
    assert "The local AWS does not decrypt" in (shown(answer, "error-message") or "")
    form = {"SAMLResponse": forge.encode(hidden.encode())}
    there = requests.post(aws.url + "/saml/acs/SAMLSP4SHN3UIS2D558H46", data=form, timeout=10)
    assert shown(there, "error-message") == shown(answer, "error-message")
    assert post(aws, forge.Statement()).status_code == 200


def test_identity_providers_can_import_who_this_is(aws: LocalAws) -> None:
    """The metadata says where statements go, for whom they must be, and that they must be signed."""
    answer = requests.get(aws.url + "/static/saml-metadata.xml", timeout=10)
    assert answer.headers["content-type"].startswith("application/samlmetadata+xml")
    root: Any = etree.fromstring(answer.content)
    space = {"md": "urn:oasis:names:tc:SAML:2.0:metadata"}
    assert root.get("entityID") == forge.AUDIENCE
    assert root.xpath("string(md:SPSSODescriptor/@WantAssertionsSigned)", namespaces=space) == "true"
    assert root.xpath("//md:AssertionConsumerService/@Location", namespaces=space) == [forge.RECIPIENT]
    required = root.xpath("//md:RequestedAttribute[@isRequired='true']/@Name", namespaces=space)
    assert required == [f"{forge.P}Role", f"{forge.P}RoleSessionName"]
    assert len(root.xpath("//md:NameIDFormat", namespaces=space)) == 8


def test_a_statement_beyond_the_limit_is_refused_at_the_page_too(aws: LocalAws) -> None:
    """The page takes 100,000 characters, and not a document more."""
    statement = forge.Statement()
    room = 74_900 - len(forge.signed(statement, "both")) - 120
    for more, status in ((0, 200), (300, 400)):
        filler = dict(statement.attributes) | {"urn:filler": ("x" * (room + more),)}
        aws.new_log_lines()
        assert post(aws, replace(statement, attributes=filler)).status_code == status
    (line,) = aws.new_log_lines()
    assert line["reason"] == "saml.input.too_large"


def test_session_duration_sets_the_length_of_the_console(aws: LocalAws) -> None:
    """SessionDuration and SessionNotOnOrAfter set the end, whichever is earlier."""
    ends = forge.instant(datetime.now(UTC), 1000)
    admin = forge.Statement().for_role(forge.ADMIN).with_attributes(SessionDuration="7200")
    for statement, seconds in ((admin, 7200), (replace(admin, session_ends=ends), 1000)):
        ends_at = datetime.fromisoformat(shown(post(aws, statement), "ends-at") or "")
        assert (ends_at - datetime.now(UTC)).total_seconds() == pytest.approx(seconds, abs=5)


@pytest.mark.parametrize(
    ("relay", "kept"),
    [
        ("https://console.aws.amazon.com/", True),
        ("https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1#Instances:", True),
        ("https://111122223333-abc.eu-west-1.console.aws.amazon.com/x", True),
        ("http://127.0.0.1:8010/console/ec2?x=y", True),
        ("http://127.0.0.1:8010/", False),
        ("http://127.0.0.1:8010/console/../saml", False),
        ("http://127.0.0.1:8011/console/", False),
        ("https://console.aws.amazon.com.evil.test/", False),
        ("https://evilconsole.aws.amazon.com/", False),
        ("https://evil.test/console.aws.amazon.com", False),
        ("https://user@console.aws.amazon.com/", False),
        ("https://console.aws.amazon.com:444/", False),
        ("http://console.aws.amazon.com/", False),
        ("https://console.amazonaws.cn/", False),
        ("//console.aws.amazon.com/", False),
        ("https:console.aws.amazon.com", False),
        ("javascript:alert(1)//console.aws.amazon.com", False),
        ("https://console.aws.amazon.com/\\evil", False),
        ('https://console.aws.amazon.com/"><script>', False),
        ("https://console.aws.amazon.com/\r\nSet-Cookie: x=y", False),
        ("https://console.aws.amazon.com/" + "x" * 2048, False),
        ("/console/", False),
    ],
)
def test_only_a_console_address_is_a_destination(relay: str, aws: LocalAws, *, kept: bool) -> None:
    """RelayState is shown where it is a console page, and otherwise left out; nobody is ever sent there."""
    answer = post(aws, forge.Statement(), RelayState=relay)
    assert answer.url == f"{aws.url}/console/"
    assert shown(answer, "destination") == (relay if kept else None)


def test_relay_state_cannot_break_out_of_the_role_page(aws: LocalAws) -> None:
    """What the role page carries along it carries as text."""
    evil = '"><script>alert(1)</script>'
    page = post(aws, forge.Statement().with_attributes(Role=PAIRS), RelayState=evil)
    assert "<script" not in page.text
    (form,) = tree_of(page).xpath("//form")
    assert form.fields["RelayState"] == evil


def test_the_console_believes_only_its_own_cookie(aws: LocalAws) -> None:
    """Without the cookie, with a changed one and after signing out the console shows nobody."""
    browser = requests.Session()
    assert post(aws, forge.Statement(), browser=browser).status_code == 200
    console = f"{aws.url}/console/ec2/home"
    assert shown(browser.get(console, timeout=10), "session") == "ada@example.test"
    value = browser.cookies["local-aws-console"].strip('"')
    for wrong in (None, value[:-8] + "AAAAAAA=", "x"):
        cookies = {} if wrong is None else {"local-aws-console": wrong}
        answer = requests.get(console, cookies=cookies, timeout=10)
        assert answer.status_code == 403
        assert shown(answer, "signed-out") is not None
    assert requests.get(console, cookies={"local-aws-console": value}, timeout=10).status_code == 200
    out = browser.get(f"{aws.url}/oauth?Action=logout&redirect_uri=https://evil.test", timeout=10)
    assert (out.status_code, out.url.startswith(aws.url)) == (200, True)
    assert browser.get(console, timeout=10).status_code == 403
    assert browser.get(f"{aws.url}/oauth", timeout=10).status_code == 400


def test_a_console_of_another_origin_is_opened_with_a_ticket() -> None:
    """Where the console has another origin, a sealed ticket of one minute takes the browser there."""
    with LocalAws(forge.world()) as elsewhere:
        world = forge.world(console_url=f"{elsewhere.url.replace('127.0.0.1', 'localhost')}/console/")
        with LocalAws(world) as door:
            browser = requests.Session()
            first = post(door, forge.Statement(), browser=browser, follow=False)
            assert first.status_code == 303
            assert first.headers["location"].startswith(world["console_url"] + "?ticket=")
            assert "set-cookie" not in first.headers
            ticket = first.headers["location"]
            answer = browser.get(ticket, timeout=10)
            assert answer.url == world["console_url"]
            assert shown(answer, "session") == "ada@example.test"
            changed = ticket[:-12] + "AAAAAAAA%3D"
            for wrong in (changed, world["console_url"] + "?ticket=", world["console_url"] + "?ticket=x"):
                assert requests.get(wrong, timeout=10).status_code == 403
            page = post(door, forge.Statement().with_attributes(Role=PAIRS))
            origin = world["console_url"].removesuffix("/console/")
            assert f"form-action 'self' {origin};" in page.headers["content-security-policy"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/saml"), ("PUT", "/saml"), ("POST", "/console/")])
def test_other_methods_are_refused_as_pages(method: str, path: str, aws: LocalAws) -> None:
    """A browser that comes the wrong way gets a page, too."""
    answer = requests.request(method, aws.url + path, timeout=10)
    assert answer.status_code == 405
    assert shown(answer, "error-message") == "This method is not allowed here."
