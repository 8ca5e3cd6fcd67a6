"""The federation endpoint as a broker uses it: keys, a sign-in token, a console, and the way home."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from lxml import html

from tests.attacks import forge
from tests.servers import aws_world
from tests.servers.aws_world import HERE, HUB, TARGET, client, holding
from tests.servers.local_aws import LocalAws

DESTINATION = "https://eu-west-1.console.aws.amazon.com/s3/home?region=eu-west-1"
HOME = "https://bridge.example.test/session-ended"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws(aws_world.world()) as running:
        yield running


def keys(answer: Any, **changes: str) -> str:
    found = answer["Credentials"]
    session = {
        "sessionId": found["AccessKeyId"],
        "sessionKey": found["SecretAccessKey"],
        "sessionToken": found["SessionToken"],
    }
    return json.dumps(session | changes)


def ask(aws: LocalAws, method: str = "GET", **parameters: str) -> requests.Response:
    url = aws.url + "/federation"
    if method == "GET":
        return requests.get(f"{url}?{urlencode(parameters)}", timeout=10, allow_redirects=False)
    return requests.post(url, data=parameters, timeout=10, allow_redirects=False)


def token(aws: LocalAws, answer: Any, method: str = "GET", **parameters: str) -> str:
    reply = ask(aws, method, Action="getSigninToken", Session=keys(answer), **parameters)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"
    return str(reply.json()["SigninToken"])


def refused(reply: requests.Response) -> tuple[int, str]:
    tree: Any = html.fromstring(reply.text)
    return reply.status_code, str(tree.get_element_by_id("error-message").text_content())


def open_console(aws: LocalAws, sign_in_token: str, **more: str) -> Any:
    parameters = {"Action": "login", "SigninToken": sign_in_token, "Destination": DESTINATION} | more
    browser = requests.Session()
    page = browser.get(f"{aws.url}/federation?{urlencode(parameters)}", timeout=10)
    assert page.status_code == 200, page.text
    return html.fromstring(page.text)


def shown(page: Any, identifier: str) -> str:
    return str(page.get_element_by_id(identifier).text_content())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_keys_of_a_role_open_a_console(method: str, aws: LocalAws) -> None:
    """By GET and by POST: who one is, where one wanted to go, and the end of the keys."""
    answer = client(aws, "sts").assume_role(RoleArn=HUB, RoleSessionName="work", SourceIdentity="ada")
    page = open_console(aws, token(aws, answer, method, SessionType="json"), Issuer=HOME)
    assert shown(page, "role") == "Hub"
    assert shown(page, "session") == "work"
    assert shown(page, "source-identity") == "ada"
    assert shown(page, "destination") == DESTINATION
    assert shown(page, "ends-at") == answer["Credentials"]["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")


def test_keys_of_a_federated_user_open_a_console(aws: LocalAws) -> None:
    """There is no role, but a name."""
    answer = client(aws, "sts").get_federation_token(Name="bob", DurationSeconds=900)
    page = open_console(aws, token(aws, answer))
    assert shown(page, "session") == "bob"
    assert shown(page, "arn") == f"arn:aws:sts::{HERE}:federated-user/bob"
    assert page.get_element_by_id("role", None) is None


def test_keys_from_a_statement_open_a_console(aws: LocalAws) -> None:
    """What a statement has opened may go to the console too, with a length of its own."""
    form = {
        "Action": "AssumeRoleWithSAML",
        "Version": "2011-06-15",
        "RoleArn": forge.ROLE,
        "PrincipalArn": forge.PROVIDER,
        "SAMLAssertion": forge.encode(forge.signed(forge.Statement(), "both")),
    }
    text = requests.post(aws.url, data=form, timeout=10).text
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    found = {name: text.partition(f"<{name}>")[2].partition("<")[0] for name in names}
    page = open_console(aws, token(aws, {"Credentials": found}, SessionDuration="3599"))
    assert shown(page, "role") == "ReadOnly"


def test_a_length_of_its_own_must_be_below_the_roles_longest(aws: LocalAws) -> None:
    """Below, not equal; between a quarter of an hour and twelve hours; never for federated users and chains."""
    ada = client(aws, "sts")
    hub = ada.assume_role(RoleArn=HUB, RoleSessionName="work", DurationSeconds=900)
    page = open_console(aws, token(aws, hub, SessionDuration="7199"))
    assert shown(page, "ends-at") > hub["Credentials"]["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")
    for seconds in ("7200", "899", "43201", "x", "-900", "\u0669\u0660\u0660"):
        reply = ask(aws, Action="getSigninToken", Session=keys(hub), SessionDuration=seconds)
        status, message = refused(reply)
        assert status == 400
        assert message.startswith("SessionDuration must be")
    chain = holding(aws, hub).assume_role(RoleArn=TARGET, RoleSessionName="work", ExternalId="tenant-1")
    for answer in (chain, ada.get_federation_token(Name="bob")):
        reply = ask(aws, Action="getSigninToken", Session=keys(answer), SessionDuration="900")
        assert refused(reply)[1].startswith("SessionDuration can be used only with")
        assert token(aws, answer)


def test_other_keys_open_nothing(aws: LocalAws) -> None:
    """A user's session, long-term keys, foreign keys and nonsense are refused."""
    ada = client(aws, "sts")
    hub = ada.assume_role(RoleArn=HUB, RoleSessionName="work")
    other = ada.assume_role(RoleArn=HUB, RoleSessionName="work")["Credentials"]
    session = ask(aws, Action="getSigninToken", Session=keys(ada.get_session_token()))
    assert refused(session)[0] == 403
    rows = [
        keys(hub, sessionKey=other["SecretAccessKey"]),
        keys(hub, sessionId=other["AccessKeyId"]),
        keys(hub, sessionToken=other["SessionToken"]),
        keys(hub, sessionToken="", sessionId=aws_world.key_id("ada"), sessionKey=aws_world.secret("ada")),
        keys(hub, sessionKey="\u00e4"),
        keys(hub, sessionId="\ud800"),
        keys(hub, sessionKey="\ud800"),
        "{}", "[]", "", "x", '{"sessionId": 1, "sessionKey": 2, "sessionToken": 3}',
    ]  # fmt: skip
    for row in rows:
        assert refused(ask(aws, Action="getSigninToken", Session=row))[0] == 400
    assert token(aws, hub)


def test_a_login_needs_a_token_of_ours_and_lawful_addresses(aws: LocalAws) -> None:
    """No token, a foreign one, a destination elsewhere and a nonsensical issuer are refused."""
    sign_in_token = token(aws, client(aws, "sts").assume_role(RoleArn=HUB, RoleSessionName="work"))
    good = {"Action": "login", "SigninToken": sign_in_token, "Destination": DESTINATION}
    for changes in (
        {"SigninToken": ""},
        {"SigninToken": sign_in_token[:-4]},
        {"SigninToken": forge.encode("x" * 100)},
        {"Destination": ""},
        {"Destination": "https://evil.example.test/"},
        {"Destination": "https://console.aws.amazon.com.evil.test/"},
        {"Destination": "javascript:alert(1)"},
        {"Issuer": "javascript:alert(1)"},
        {"Issuer": "https://a.test/\r\nSet-Cookie:x"},
        {"Action": "logout"},
    ):
        assert refused(ask(aws, **(good | changes)))[0] == 400, changes
    reply = ask(aws, **good)
    assert reply.status_code == 303
    assert reply.headers["location"] == "/console/"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["cache-control"] == "no-store"


def test_who_comes_back_after_the_end_is_led_home(aws: LocalAws) -> None:
    """A session that was ended by a policy leads to the broker's page, and without one says that it is over."""
    answer = client(aws, "sts").assume_role(RoleArn=HUB, RoleSessionName="work")
    sign_in_token, name = token(aws, answer), {"RoleName": "Hub", "PolicyName": "AWSRevokeOlderSessions"}
    browsers = {}
    for issuer in (HOME, ""):
        parameters = {
            "Action": "login",
            "SigninToken": sign_in_token,
            "Destination": DESTINATION,
            "Issuer": issuer,
        }
        browsers[issuer] = requests.Session()
        assert (
            browsers[issuer].get(f"{aws.url}/federation?{urlencode(parameters)}", timeout=10).status_code
            == 200
        )
    older = {"DateLessThan": {"aws:TokenIssueTime": "2999-01-01T00:00:00Z"}}
    policy = json.dumps(aws_world.allow("*", effect="Deny", **dict[str, Any](older)))
    client(aws, "iam").put_role_policy(**name, PolicyDocument=policy)
    try:
        home = browsers[HOME].get(f"{aws.url}/console/", timeout=10, allow_redirects=False)
        over = browsers[""].get(f"{aws.url}/console/", timeout=10, allow_redirects=False)
    finally:
        client(aws, "iam").delete_role_policy(**name)
    assert (home.status_code, home.headers["location"]) == (303, HOME)
    assert over.status_code == 403
    assert shown(html.fromstring(over.text), "session-over") == "Your session has ended"


def test_signing_out_leads_on_to_our_own_pages_only(aws: LocalAws) -> None:
    """The way out may lead into the next sign-in, and nowhere else."""
    ours = f"{forge.RECIPIENT.removesuffix('/saml')}/federation?Action=login"
    go = requests.get(
        f"{aws.url}/oauth?{urlencode({'Action': 'logout', 'redirect_uri': ours})}",
        timeout=10,
        allow_redirects=False,
    )
    assert (go.status_code, go.headers["location"]) == (303, ours)
    for target in ("https://evil.example.test/", "//evil.example.test", "/console/", "javascript:alert(1)"):
        query = urlencode({"Action": "logout", "redirect_uri": target})
        stay = requests.get(f"{aws.url}/oauth?{query}", timeout=10, allow_redirects=False)
        assert stay.status_code == 200
        assert "local-aws-console=" in stay.headers["set-cookie"]


def test_no_secret_of_a_federation_is_written_down(aws: LocalAws) -> None:
    """Neither keys nor tokens stand in the log."""
    answer = client(aws, "sts").assume_role(RoleArn=HUB, RoleSessionName="work")
    sign_in_token = token(aws, answer)
    open_console(aws, sign_in_token)
    log = aws.log_file.read_text()
    for secret in (
        sign_in_token,
        answer["Credentials"]["SecretAccessKey"],
        answer["Credentials"]["SessionToken"],
    ):
        assert secret not in log
