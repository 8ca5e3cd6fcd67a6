"""BF-04: from outside nobody can tell an unknown name from a wrong password, or from an account that may not sign in.

Neither by status, text and headers, nor by the time that the answer takes.
"""

import re
import statistics
import time
from collections.abc import Mapping

import pytest
from django.test import Client

from idp.models import SignInCounter
from tests.servers.samba import NORMAL_ACCOUNT, RIGHT_PASSWORD, AdPeople, SambaDc
from tests.servers.slapd import RIGHT_PASSWORD as SLAPD_PASSWORD
from tests.servers.slapd import Newcomers

pytestmark = [pytest.mark.django_db, pytest.mark.attack("BF-04")]

HOST = {"host": "idp.example.test"}
SAMPLES = 60
ROUNDS = 3
# What security asks for: the times of many samples lie within five milliseconds.
BOUND = 0.005
LONG_AGO = "131000000000000000"
varying = re.compile(
    r'id="reference">[A-Z2-7]+<|name="csrfmiddlewaretoken" value="[^"]+"|value="[a-z]+" autocomplete'
)

Credentials = Mapping[str, tuple[str, str]]


def post(username: str, password: str) -> tuple[int, str, tuple[str, ...], float]:
    """Status, text and headers of one answer to a new browser, and how long it took."""
    SignInCounter.objects.all().delete()
    began = time.perf_counter()
    answer = Client(headers=HOST).post("/sign-in/", {"username": username, "password": password})
    took = time.perf_counter() - began
    headers = sorted(
        f"{name}: {value}"
        for name, value in answer.headers.items()
        if name not in {"X-Request-Id", "Content-Length"}
    )
    cookies = sorted(answer.cookies)
    return answer.status_code, varying.sub("", answer.content.decode()), (*headers, *cookies), took


def look_alike(cases: Credentials) -> None:
    """Each case in turn, many times: one answer, and times that lie together.

    A difference that is there stands in every round; one that the machine made does not.
    """
    assert any(spread_of_times(cases) < BOUND for _ in range(ROUNDS))


def spread_of_times(cases: Credentials) -> float:
    """How many seconds lie between the quickest and the slowest case; all of them have one answer."""
    answers = set()
    times: dict[str, list[float]] = {case: [] for case in cases}
    for _ in range(SAMPLES):
        for case, (username, password) in cases.items():
            *answer, took = post(username, password)
            answers.add(tuple(answer))
            times[case].append(took)
    assert len(answers) == 1
    assert next(iter(answers))[0] == 403
    # The lower quartile: what the work itself takes, however busy the machine is.
    typical = [statistics.quantiles(samples, n=4)[0] for samples in times.values()]
    return max(typical) - min(typical)


@pytest.mark.usefixtures("active_directory")
def test_on_active_directory(ad_people: AdPeople, samba: SambaDc) -> None:
    """Wrong, unknown, disabled, expired, outside its hours, must change with a wrong password: one answer."""
    ad_people.person("wrong")
    ad_people.person("disabled", flags=NORMAL_ACCOUNT | 2)
    ad_people.person("expired", accountExpires=LONG_AGO)
    ad_people.person("hours", logonHours=bytes(21))
    ad_people.change(ad_people.person("must", flags=NORMAL_ACCOUNT), pwdLastSet="0")
    look_alike(
        {
            "wrong password": ("wrong", "Wrong-Passw0rd"),
            "unknown name": ("nobody", "Wrong-Passw0rd"),
            "disabled": ("disabled", RIGHT_PASSWORD),
            "expired": ("expired", RIGHT_PASSWORD),
            "outside hours": ("hours", RIGHT_PASSWORD),
            "must change, wrong password": ("must", "Wrong-Passw0rd"),
        }
    )
    assert samba.process is not None


def test_on_openldap(newcomers: Newcomers) -> None:
    """Wrong, unknown, disabled, locked: one answer."""
    newcomers.person("wrong")
    newcomers.disable(newcomers.person("disabled"))
    newcomers.disable(newcomers.person("locked"), since="20260101000000Z")
    look_alike(
        {
            "wrong password": ("wrong", "wrong-password"),
            "unknown name": ("nobody", "wrong-password"),
            "disabled": ("disabled", SLAPD_PASSWORD),
            "locked": ("locked", SLAPD_PASSWORD),
        }
    )
