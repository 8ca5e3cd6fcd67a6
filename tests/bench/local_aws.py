"""The local AWS beside moto: processor time of the server's process for one operation, over one kept connection."""

import functools
import subprocess
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from time import sleep
from typing import Self
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from deploy.demo.slapd import free_port
from tests.attacks import forge
from tests.bench.unit import cpu_seconds_of_processes
from tests.servers import aws_world
from tests.servers.local_aws import LocalAws

TIMES = 250
BATCHES = 4
WARM_UP = 30
SECONDS_TO_START = 30
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

Call = Callable[[], tuple[str, Mapping[str, str]]]


def figures() -> list[tuple[str, float, str]]:
    """Rows of name, seconds and remark; moto verifies nothing of the same statement."""
    with LocalAws(aws_world.world()) as ours, MotoServer() as theirs:
        assert ours.process is not None
        here, there = (ours.url, ours.process.pid), (theirs.url, theirs.pid)
        saml, unverified = alternately((here, redemption), (there, redemption))
        role, identity = alternately((here, signed(ours.url, taking)), (here, signed(ours.url, asking)))
    return [
        ("local AWS: AssumeRoleWithSAML", saml, f"2 signatures verified, {1 / saml:,.0f} per CPU second"),
        ("moto: AssumeRoleWithSAML", unverified, f"nothing verified, {1 / unverified:,.0f} per CPU second"),
        ("local AWS: AssumeRole", role, f"Signature V4 verified, {1 / role:,.0f} per CPU second"),
        ("local AWS: GetCallerIdentity", identity, f"the same, {1 / identity:,.0f} per CPU second"),
    ]


def alternately(
    first: tuple[tuple[str, int], Call], second: tuple[tuple[str, int], Call]
) -> tuple[float, float]:
    """The medians of several turns; the two take turns, because a shared machine is fast now and slow then."""
    turns = [[measure(*server, call) for server, call in (first, second)] for _ in range(BATCHES)]
    return median(turn[0] for turn in turns), median(turn[1] for turn in turns)


def measure(url: str, pid: int, call: Call) -> float:
    """Seconds of the server's process for one call."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)

    def once() -> None:
        body, headers = call()
        connection.request("POST", "/", body, dict(headers))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != HTTPStatus.OK:
            raise SystemExit(f"{url} answered {answer.status}: {text[:1_000]!r}")

    try:
        for _ in range(WARM_UP):
            once()
        before = cpu_seconds_of_processes([pid])
        for _ in range(TIMES):
            once()
        return (cpu_seconds_of_processes([pid]) - before) / TIMES
    finally:
        connection.close()


@functools.cache
def redemption() -> tuple[str, Mapping[str, str]]:
    """One statement; moto finds its service by the scope of a signature, and looks at nothing else of it."""
    form = {
        "Action": "AssumeRoleWithSAML",
        "Version": "2011-06-15",
        "RoleArn": forge.ROLE,
        "PrincipalArn": forge.PROVIDER,
        "SAMLAssertion": forge.encode(forge.signed(forge.Statement(), "both")),
    }
    scope = "Credential=AKIA/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0"
    return urlencode(form), FORM | {"Authorization": f"AWS4-HMAC-SHA256 {scope}"}


def taking() -> dict[str, str]:
    """A role is taken."""
    return {"Action": "AssumeRole", "RoleArn": aws_world.HUB, "RoleSessionName": "bench"}


def asking() -> dict[str, str]:
    """Somebody asks who they are."""
    return {"Action": "GetCallerIdentity"}


def signed(url: str, wish: Callable[[], dict[str, str]]) -> Call:
    """A call by Ada's keys, signed each time; what a client spends is not measured."""
    keys = Credentials(aws_world.key_id("ada"), aws_world.secret("ada"))

    def call() -> tuple[str, Mapping[str, str]]:
        body = urlencode(wish() | {"Version": "2011-06-15"})
        request = AWSRequest("POST", f"{url}/", data=body, headers=dict(FORM))
        SigV4Auth(keys, "sts", "eu-west-1").add_auth(request)
        return body, dict(request.headers.items())

    return call


class MotoServer:
    """Moto's own server as a process."""

    def __init__(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [Path(sys.executable).parent / "moto_server", "-p", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        for _ in range(SECONDS_TO_START * 10):
            try:
                connection = HTTPConnection(urlsplit(self.url).netloc, timeout=5)
                connection.request("GET", "/moto-api/")
                connection.getresponse().read()
                connection.close()
            except OSError:
                sleep(0.1)
            else:
                return self
        self.__exit__()
        raise SystemExit("moto did not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
