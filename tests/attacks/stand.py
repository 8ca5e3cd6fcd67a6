"""The stand where statements are tried against the running local AWS; it holds the contract of every refusal."""

from dataclasses import dataclass, field
from typing import Any, Self

import requests
from lxml import etree

from tests.attacks import forge
from tests.servers.local_aws import LocalAws

_STS = "{https://sts.amazonaws.com/doc/2011-06-15/}"


@dataclass(frozen=True)
class Refusal:
    """A refusal of STS, and the reason that only the log shows."""

    status: int
    code: str
    message: str
    reason: str


@dataclass
class Stand:
    """Redeems statements and says what came of it."""

    aws: LocalAws
    browser: requests.Session = field(default_factory=requests.Session)

    def redeem(self, document: bytes | str, **parameters: str) -> requests.Response:
        """Post a statement to STS as every client does."""
        form = {
            "Action": "AssumeRoleWithSAML",
            "Version": "2011-06-15",
            "RoleArn": forge.ROLE,
            "PrincipalArn": forge.PROVIDER,
            "SAMLAssertion": forge.encode(document),
        }
        return self.post(form | parameters)

    def post(self, form: dict[str, str]) -> requests.Response:
        """Post any call to STS."""
        return self.browser.post(self.aws.url + "/", data=form, timeout=20)

    def accepted(self, document: bytes | str, **parameters: str) -> dict[str, str]:
        """Redeem a statement that must be taken; gives the members of the result, nested ones with dots."""
        self.aws.new_log_lines()
        answer = self.redeem(document, **parameters)
        lines = self.aws.new_log_lines()
        assert answer.status_code == 200, (answer.text, lines)
        assert [line["event"] for line in lines] == ["accepted"]
        members = read_members(answer.content, "AssumeRoleWithSAML")
        assert members["Credentials.AccessKeyId"] == lines[0]["access_key_id"]
        assert members["Credentials.SecretAccessKey"] not in str(lines)
        return members

    def refused(self, document: bytes | str, **parameters: str) -> Refusal:
        """Redeem a statement that must be refused, as the contract of refusals says."""
        return self.refused_form(self.redeem, document, **parameters)

    def refused_form(self, send: Any, *arguments: Any, **parameters: Any) -> Refusal:
        """Send what must be refused: 4xx, one STS document, one log line with a reason, nothing else."""
        self.aws.new_log_lines()
        answer = send(*arguments, **parameters)
        lines = self.aws.new_log_lines()
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"].startswith("text/xml")
        root = etree.fromstring(answer.content)
        assert root.tag == f"{_STS}ErrorResponse"
        assert root.findtext(f"{_STS}RequestId") == answer.headers["x-amzn-RequestId"]
        assert "AccessKeyId" not in answer.text
        assert [line["event"] for line in lines] == ["refused"], (answer.text, lines)
        (line,) = lines
        assert line["request_id"] == answer.headers["x-amzn-RequestId"]
        assert "<" not in str(line), "no XML in the log"
        error = f"{_STS}Error/{_STS}"
        return Refusal(
            status=answer.status_code,
            code=root.findtext(f"{error}Code") or "",
            message=root.findtext(f"{error}Message") or "",
            reason=line["reason"],
        )

    def __enter__(self) -> Self:
        self.aws.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.close()
        self.aws.stop()


def read_members(document: bytes, operation: str) -> dict[str, str]:
    """The members of a result, nested ones with dots between the names."""
    root = etree.fromstring(document)
    assert root.tag == f"{_STS}{operation}Response"
    assert root.findtext(f"{_STS}ResponseMetadata/{_STS}RequestId")
    members: dict[str, str] = {}

    def walk(element: etree._Element, path: str) -> None:
        for child in element:
            name = f"{path}{etree.QName(child).localname}"
            if len(child):
                walk(child, f"{name}.")
            else:
                members[name] = child.text or ""

    (result,) = root.findall(f"{_STS}{operation}Result")
    walk(result, "")
    return members
