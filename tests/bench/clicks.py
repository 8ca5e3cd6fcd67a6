"""What people do in the portal, over HTTP on the production server: sign in, open the console, take credentials."""

from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

from tests.bench.measuring import in_turns
from tests.bench.stage import ACCOUNT, PASSWORD, PERSON, ROLE, Stage
from tests.bench.table import Row
from tests.bench.unit import cpu_seconds_of_processes

CLICKS, SIGN_INS, REDEMPTIONS = 1_000, 300, 300
CLICK_LIMIT, SIGN_IN_LIMIT = "10 x, 6 st.", "22 x"


def sign_in(stage: Stage) -> Iterator[Row]:
    """From the empty form to the page of roles."""
    stage.web()
    browser = stage.browser()
    yield stage.measure(
        "full sign-in at the portal (form, post, directory, page of roles)",
        lambda: browser.sign_in(PERSON, PASSWORD),
        times=SIGN_INS,
        limit=SIGN_IN_LIMIT,
    )
    yield stage.measure("page of roles", lambda: browser.ask("GET", "/"), times=SIGN_INS)


def console_click(stage: Stage) -> Iterator[Row]:
    """Somebody who is signed in clicks on a role: from the request to the finished page."""
    for seconds, told in ((10, "directory's answer reused"), (0, "directory asked each time")):
        stage.web(reuse_seconds=seconds)
        browser = stage.browser()
        signatures = browser.document(ACCOUNT, ROLE).count("SignatureValue>") // 2
        yield stage.measure(
            f"console click, {told}",
            lambda: browser.document(ACCOUNT, ROLE),  # noqa: B023 - done before the loop goes on
            times=CLICKS,
            limit=CLICK_LIMIT if seconds else "",
            remark=f"{signatures} signatures",
        )


def credentials(stage: Stage) -> Iterator[Row]:
    """A click on credentials; the site's part, and the local AWS's, each in a process of its own."""
    stage.web()
    browser = stage.browser()
    yield stage.measure(
        "credentials click (statement, STS, both records)",
        lambda: browser.post(f"/roles/{ACCOUNT}/{ROLE}/credentials", Accept="application/json"),
        times=REDEMPTIONS,
        remark="without the local AWS's own time",
    )
    yield redeem(stage, browser.open_console(ACCOUNT, ROLE))


def redeem(stage: Stage, statement: str) -> Row:
    """One statement of ours redeemed at the local AWS again and again."""
    form = urlencode(
        {
            "Action": "AssumeRoleWithSAML",
            "Version": "2011-06-15",
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
            "PrincipalArn": f"arn:aws:iam::{ACCOUNT}:saml-provider/drawbridge",
            "SAMLAssertion": statement,
        }
    )
    assert stage.local_aws.process is not None
    server = [stage.local_aws.process.pid]
    connection = HTTPConnection(urlsplit(stage.local_aws.url).netloc, timeout=30)

    def once() -> None:
        connection.request("POST", "/", form, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != HTTPStatus.OK:
            raise SystemExit(f"the local AWS answered {answer.status}: {text[:2_000]}")

    each = max(1, stage.effort.times(REDEMPTIONS) // stage.effort.turns)

    def turn() -> float:
        before = cpu_seconds_of_processes(server)
        for _ in range(each):
            once()
        return (cpu_seconds_of_processes(server) - before) / each

    once()
    cpu, units = in_turns(turn, stage.effort)
    connection.close()
    return Row("the local AWS's part of it", cpu, units, remark="its process; 2 signatures verified")
