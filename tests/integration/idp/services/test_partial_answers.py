"""What a directory leaves out never counts as an answer: it gives nothing, takes nothing, and replaces nothing."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from deploy.demo import company as cast
from idp.conf.access import access_config
from idp.domain.errors import DirectoryUnavailable
from idp.models import DirectorySnapshot, EndingDue, SignInCounter, SiteSession, User
from idp.services.entitlements import entitlements_of
from idp.services.identity import current_identity, recent_answers
from idp.services.sweep_people import sweep_people
from tests.integration.idp.services.accesses import an_access
from tests.integration.idp.services.doors import enter, person_who_enters
from tests.integration.idp.services.mappings import take_over
from tests.servers.faulty_slapd import BASE, LIMITED, SERVICE, FaultySlapd
from tests.servers.samba import BASE as AD_BASE
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.samba import AdPeople, SambaDc
from tests.servers.slapd import directory_settings, settings_changed

pytestmark = [pytest.mark.django_db, pytest.mark.fault(3)]

DEMO = Path(__file__).resolve().parents[4] / "deploy/demo/mapping.yaml"
PERSON = "lena"
SECOND = timedelta(seconds=1)
GROUPS, PEOPLE = f"ou=groups,{BASE}", f"ou=people,{BASE}"
STOPS_IN_THE_MIDDLE = f"""\
dn: cn=payments-on-call,{GROUPS}
changetype: modify
add: objectClass
objectClass: errAuxObject
-
add: errCode
errCode: {{}}
"""


def hidden(what: str, *, still: str = "none") -> Callable[[FaultySlapd], None]:
    """This is hidden from our service account; `still` is what it may do with it all the same."""
    return lambda slapd: slapd.suffer(f'access to {what} by dn.exact="{SERVICE}" {still} by * break')


def renamed(rdn: str, other: str) -> Callable[[FaultySlapd], None]:
    """The base has another name."""
    return lambda slapd: slapd.modify(
        f"dn: {rdn},{BASE}\nchangetype: modrdn\nnewrdn: {other}\ndeleteoldrdn: 1\n"
    )


def stopping(code: int) -> Callable[[FaultySlapd], None]:
    """The server stops with this result when it comes to one of the groups, after it has sent others."""

    def stop(slapd: FaultySlapd) -> None:
        overlay = f'overlay retcode\nretcode-parent "ou=codes,{BASE}"\nretcode-indir'
        slapd.suffer(module="moduleload retcode", overlay=overlay)
        slapd.modify(STOPS_IN_THE_MIDDLE.format(code))

    return stop


FAULTS: dict[str, Callable[[FaultySlapd], None]] = {
    "size limit": lambda slapd: slapd.suffer(LIMITED.format(1)),
    "time limit": stopping(3),
    "busy": stopping(51),
    "members hidden": hidden("attrs=member"),
    "members only searchable": hidden("attrs=member", still="search"),
    "groups hidden": hidden(f'dn.subtree="{GROUPS}"'),
    "groups renamed": renamed("ou=groups", "ou=gone"),
    "identifiers hidden": hidden("attrs=entryUUID"),
    "identifiers only searchable": hidden("attrs=entryUUID", still="search"),
    "names hidden": hidden("attrs=uid"),
    "people hidden": hidden(f'dn.subtree="{PEOPLE}"'),
    "people renamed": renamed("ou=people", "ou=gone"),
}
# What the server says, where it says anything: that the fault is the one that was meant.
SAID = {
    "size limit": "SIZELIMIT_EXCEEDED",
    "time limit": "TIMELIMIT_EXCEEDED",
    "busy": "BUSY",
    "groups hidden": "NO_SUCH_OBJECT",
    "groups renamed": "NO_SUCH_OBJECT",
    "people renamed": "NO_SUCH_OBJECT",
}
# To whoever types a name these look like a name that nobody has: refused alike, and no password is tried.
LOOK_LIKE_NOBODY = {"names hidden", "people hidden"}


@pytest.fixture
def directory(faulty_company: FaultySlapd) -> Iterator[FaultySlapd]:
    with settings_changed(**directory_settings(faulty_company)):
        yield faulty_company


@pytest.fixture
def later() -> datetime:
    return timezone.now() + access_config().sweep_every + SECOND


def roles_of(person: User, now: datetime) -> list[str]:
    return [str(given.role.arn) for given in entitlements_of(person, now=now)]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_partial_answer_is_no_answer(directory: FaultySlapd, later: datetime, fault: str) -> None:
    """The last complete answer stands with all its groups until the deadline; nobody is let go, nobody let in."""
    take_over(DEMO.read_bytes())
    person = person_who_enters(PERSON, cast.password_of(PERSON))
    an_access(person, ends_at=later + timedelta(hours=1))
    before = DirectorySnapshot.objects.get()
    roles = roles_of(person, timezone.now())
    assert roles == cast.expected_roles(PERSON)
    counted = SignInCounter.objects.filter(failures__gt=0).count()
    FAULTS[fault](directory)
    recent_answers.clear()

    answer = current_identity(person, now=later)
    assert len(answer.groups) == len(before.identity["groups"])
    assert answer.asked_at == before.asked_at
    assert roles_of(person, later) == roles

    swept = sweep_people(now=later, for_at_most=timedelta(seconds=20))
    assert (swept.let_go, swept.lost_roles, swept.unanswered) == (0, 0, 1)
    kept = DirectorySnapshot.objects.get()
    assert (kept.identity, kept.asked_at) == (before.identity, before.asked_at)
    assert SiteSession.objects.filter(user=person).exists()
    assert not EndingDue.objects.exists()

    if fault not in LOOK_LIKE_NOBODY:
        with pytest.raises(DirectoryUnavailable) as problem:
            enter(PERSON, cast.password_of(PERSON))
        assert SAID.get(fault, "") in problem.value.cause
        assert SignInCounter.objects.filter(failures__gt=0).count() == counted

    deadline = before.asked_at + access_config().recheck_deadline
    with pytest.raises(DirectoryUnavailable):
        current_identity(person, now=deadline)
    assert SiteSession.objects.filter(user=person).exists()


@pytest.mark.parametrize("unit", ["People", "Groups"])
def test_a_partial_answer_of_active_directory_is_no_answer(
    active_directory: SambaDc, ad_people: AdPeople, later: datetime, unit: str
) -> None:
    """A unit that is not where it was takes nobody's groups, and throws nobody out; back again all is as before."""
    assert active_directory
    ad_people.group("partial", ad_people.person("ada"))
    person = person_who_enters("ada", AD_PASSWORD)
    an_access(person, ends_at=later + timedelta(hours=1))
    before = DirectorySnapshot.objects.get()
    ad_people.link.rename_s(f"OU={unit},{AD_BASE}", f"OU={unit} elsewhere")
    try:
        recent_answers.clear()
        assert len(current_identity(person, now=later).groups) == len(before.identity["groups"])
        swept = sweep_people(now=later, for_at_most=timedelta(seconds=20))
        assert (swept.let_go, swept.lost_roles) == (0, 0)
    finally:
        ad_people.link.rename_s(f"OU={unit} elsewhere,{AD_BASE}", f"OU={unit}")
    assert SiteSession.objects.filter(user=person).exists()
    assert not EndingDue.objects.exists()
    recent_answers.clear()
    assert len(current_identity(person, now=later + SECOND).groups) == len(before.identity["groups"])


def test_mended_the_directory_is_asked_again(directory: FaultySlapd, later: datetime) -> None:
    """The twin: the same server without the fault gives a fresh answer, and the sign-in goes on where it was."""
    person = person_who_enters(PERSON, cast.password_of(PERSON))
    directory.suffer(LIMITED.format(1))
    assert current_identity(person, now=later).asked_at < later
    directory.suffer(LIMITED.format(5_000))
    assert current_identity(person, now=later + SECOND).asked_at == later + SECOND
    assert enter(PERSON, cast.password_of(PERSON)).user == person
