"""The local AWS beside moto: processor time of the server's process for one operation, over one kept connection."""

import functools
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from http.client import HTTPConnection
from statistics import median
from time import sleep
from typing import Self
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from deploy.demo.slapd import free_port
from tests.attacks import forge
from tests.bench.effort import Effort
from tests.bench.stage import Stage
from tests.bench.table import Row
from tests.bench.unit import bare_signature, cpu_seconds_of_processes
from tests.servers import aws_world
from tests.servers.local_aws import LocalAws

TIMES = 1_000
WARM_UP = 30
SECONDS_TO_START = 30
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

Call = Callable[[], tuple[str, Mapping[str, str]]]
LIMIT = "moto's"


def figures(stage: Stage) -> Iterator[Row]:
    """Both servers do the same, one after the other; moto verifies nothing of what it is sent."""
    with LocalAws(aws_world.world()) as ours, MotoServer() as theirs:
        assert ours.process is not None
        here, there = (ours.url, ours.process.pid), (theirs.url, theirs.pid)
        for name, checked, limit, call, theirs_call in (
            ("AssumeRoleWithSAML", "2 signatures verified", LIMIT, redemption, redemption),
            ("AssumeRole", "Signature V4 verified", "", signed(ours.url, taking), signed(theirs.url, taking)),
            (
                "GetCallerIdentity",
                "Signature V4 verified",
                "",
                signed(ours.url, asking),
                signed(theirs.url, asking),
            ),
        ):
            calls = (here, call), (there, theirs_call)
            for who, told, row_limit, (cpu, units) in zip(
                ("local AWS", "moto"), (checked, "nothing verified"), (limit, ""),
                alternately(*calls, stage.effort), strict=True,
            ):  # fmt: skip
                remark = f"{1 / cpu:,.0f} per CPU second; its process, {told}"
                yield Row(f"{who}: {name}", cpu, units, row_limit, remark)


def alternately(
    first: tuple[tuple[str, int], Call], second: tuple[tuple[str, int], Call], effort: Effort
) -> list[tuple[float, float]]:
    """The medians of several turns; unit and both take turns, because a shared machine is fast now and slow then."""
    turns = []
    for _ in range(effort.turns):
        unit = bare_signature(times=effort.times(300))
        turns.append(
            [(cpu, cpu / unit) for cpu in (measure(*one, call, effort) for one, call in (first, second))]
        )
    return [
        (median(turn[place][0] for turn in turns), median(turn[place][1] for turn in turns))
        for place in (0, 1)
    ]


def measure(url: str, pid: int, call: Call, effort: Effort) -> float:
    """Seconds of the server's process for one call."""
    times = max(1, effort.times(TIMES) // effort.turns)
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)

    def once() -> None:
        body, headers = call()
        connection.request("POST", "/", body, dict(headers))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != HTTPStatus.OK:
            raise SystemExit(f"{url} answered {answer.status}: {text[:1_000]!r}")

    try:
        for _ in range(min(WARM_UP, times)):
            once()
        before = cpu_seconds_of_processes([pid])
        for _ in range(times):
            once()
        return (cpu_seconds_of_processes([pid]) - before) / times
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
            [sys.executable, "-m", "moto.server", "-p", str(port)],
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
