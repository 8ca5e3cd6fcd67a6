"""Whoever has left, or has lost a group, loses what they hold within minutes, whether or not they click."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone

from idp.conf.access import access_config
from idp.directory.ldap_directory import LdapDirectory
from idp.domain.errors import DirectoryUnavailable
from idp.models import AccessSession, AuditRecord, DirectorySnapshot, EndingDue, SiteSession, User
from idp.services.absences import MANY_GONE
from idp.services.groups import find_group
from idp.services.identity import SignInEnded, current_identity, recent_answers
from idp.services.sweep_people import Swept, sweep_is_late, sweep_people
from tests.integration.idp.services.accesses import an_access
from tests.integration.idp.services.doors import enter, events, who
from tests.integration.idp.services.mappings import ADMIN, READ, document, take_over
from tests.servers.operations import counted_operations
from tests.servers.slapd import Newcomers, directory_gone, settings_changed

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
LONG_ENOUGH = timedelta(seconds=20)


@pytest.fixture
def later() -> Callable[[], datetime]:
    """A moment at which everybody's turn has come once more."""
    moments = iter(range(1, 100))
    return lambda: timezone.now() + next(moments) * (access_config().sweep_every + SECOND)


def sweep(now: datetime) -> Swept:
    return sweep_people(now=now, for_at_most=LONG_ENOUGH)


def holding(username: str, *roles: str, minutes: int = 45) -> tuple[User, list[AccessSession]]:
    """The person after signing in, with an access to each of these roles."""
    person = who(enter(username))
    assert person is not None
    rows = [an_access(person, ends_at=timezone.now() + timedelta(minutes=minutes)) for _ in roles]
    for row, role in zip(rows, roles, strict=True):
        row.role_arn = role
        row.save(update_fields=["role_arn"])
    return person, rows


def rule(newcomers: Newcomers, dn: str, role: str, name: str) -> dict[str, object]:
    """A rule that gives the role to the members of this group."""
    found = find_group(dn)
    assert newcomers
    return {"name": name, "group": {"id": found.group_id, "dn": dn}, "role": role, "effect": "allow"}


def due() -> dict[str, str]:
    """What must end in AWS, and why, by role."""
    return dict(EndingDue.objects.values_list("access__role_arn", "reason"))


@pytest.mark.attack("LD-08")
@pytest.mark.parametrize("how", ["disabled", "deleted"])
def test_who_has_left_loses_everything_without_a_click(
    newcomers: Newcomers, later: Callable[[], datetime], how: str
) -> None:
    """The sign-in ends, each access in AWS is due to be ended, and each is recorded once however often one sweeps."""
    dn = newcomers.person("ada")
    person, (access,) = holding("ada", READ)
    stays = newcomers.person("bea")
    assert stays
    other, _ = holding("bea", READ)
    over = an_access(person, ends_at=timezone.now() - SECOND)
    if how == "disabled":
        newcomers.disable(dn)
    else:
        newcomers.remove(dn)
    assert sweep(later()).let_go == 1
    assert not SiteSession.objects.filter(user=person).exists()
    with directory_gone(), pytest.raises(DirectoryUnavailable):
        current_identity(person, now=timezone.now())
    [ending] = EndingDue.objects.all()
    assert (ending.access_id, ending.reason) == (access.pk, f"directory:{how}")
    assert ending.access_id != over.pk
    for _ in range(2):
        assert sweep(later()).let_go == 0
    assert events()[2:] == [
        ("access:session:ending-due", f"directory:{how}"),
        ("person:sign-in:signed-out", f"directory:{how}"),
    ]
    assert SiteSession.objects.filter(user=other).exists()


@pytest.mark.attack("LD-08")
def test_a_click_that_was_under_way_gives_nothing_for_good(
    newcomers: Newcomers, later: Callable[[], datetime]
) -> None:
    """What is recorded just after somebody was let go is found at the next turn, and due like everything before."""
    dn = newcomers.person("ada")
    person, (before,) = holding("ada", READ)
    newcomers.disable(dn)
    assert sweep(later()).let_go == 1
    after = an_access(person, ends_at=timezone.now() + timedelta(minutes=45))
    assert sweep(later()).let_go == 0
    assert {row.access_id for row in EndingDue.objects.all()} == {before.pk, after.pk}


@pytest.mark.attack("LD-08")
def test_who_holds_an_access_is_followed_without_being_signed_in(
    newcomers: Newcomers, later: Callable[[], datetime]
) -> None:
    """Signing out here does not end what AWS has given: whoever leaves afterwards is found all the same."""
    dn = newcomers.person("ada")
    person, _ = holding("ada", READ)
    SiteSession.objects.all().delete()
    assert sweep(later()).let_go == 0
    newcomers.disable(dn)
    assert sweep(later()).let_go == 1
    assert due() == {READ: "directory:disabled"}
    assert person.username == "ada"


def test_a_temporary_lock_throws_nobody_out(newcomers: Newcomers, later: Callable[[], datetime]) -> None:
    """Somebody's guesses lock the account: whoever is signed in goes on, and still receives."""
    dn = newcomers.person("ada")
    person, _ = holding("ada", READ)
    newcomers.disable(dn, since=f"{timezone.now():%Y%m%d%H%M%SZ}")
    moment = later()
    assert sweep(moment).let_go == 0
    assert current_identity(person, now=moment + access_config().reuse_for + SECOND).may_go_on
    assert SiteSession.objects.filter(user=person).exists()
    assert due() == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("add: pwdReset\npwdReset: TRUE", "directory:must-change-password"),
        ("replace: pwdEndTime\npwdEndTime: 20200101000000Z", "directory:expired"),
    ],
)
def test_what_somebody_has_decided_ends_the_sign_in(
    newcomers: Newcomers, later: Callable[[], datetime], change: str, reason: str
) -> None:
    """A reset password ends the sign-in only, for whoever has the new one; the account's end ends everything."""
    dn = newcomers.person("ada")
    person, _ = holding("ada", READ)
    newcomers.change(dn, change)
    assert sweep(later()).let_go == 1
    assert not SiteSession.objects.filter(user=person).exists()
    assert due() == ({READ: reason} if reason == "directory:expired" else {})
    assert ("person:sign-in:signed-out", reason) in events()


@pytest.mark.attack("LD-08")
def test_with_the_group_the_role_is_gone(newcomers: Newcomers, later: Callable[[], datetime]) -> None:
    """Of two roles one is lost: its accesses are due, the sign-in goes on; with the last one it ends too."""
    dn = newcomers.person("ada")
    readers, admins = newcomers.group("sweep-readers", dn), newcomers.group("sweep-admins", dn)
    spare = newcomers.person("spare")
    take_over(
        document(rule(newcomers, readers, READ, "readers"), rule(newcomers, admins, ADMIN, "administrators"))
    )
    person, _ = holding("ada", READ, ADMIN)
    assert sweep(later()).lost_roles == 0
    newcomers.change(admins, f"replace: member\nmember: {spare}")
    assert sweep(later()).lost_roles == 1
    assert due() == {ADMIN: "directory:group-lost"}
    assert SiteSession.objects.filter(user=person).exists()
    record = AuditRecord.objects.get(event="person:roles:lost")
    assert record.details == {"roles": ADMIN, "groups": admins}
    newcomers.change(readers, f"replace: member\nmember: {spare}")
    assert sweep(later()).lost_roles == 1
    assert due() == {ADMIN: "directory:group-lost", READ: "directory:group-lost"}
    assert not SiteSession.objects.filter(user=person).exists()
    assert AuditRecord.objects.filter(
        event="person:sign-in:signed-out", reason="directory:nothing-left"
    ).exists()


def test_a_group_that_another_replaces_takes_nothing(
    newcomers: Newcomers, later: Callable[[], datetime]
) -> None:
    """A role that another group still gives is not lost; nor is one whose rule went, which is no leaving."""
    dn, spare = newcomers.person("ada"), newcomers.person("spare")
    one, two = newcomers.group("sweep-one", dn), newcomers.group("sweep-two", dn)
    take_over(document(rule(newcomers, one, READ, "one"), rule(newcomers, two, READ, "two")))
    holding("ada", READ)
    newcomers.change(one, f"replace: member\nmember: {spare}")
    assert sweep(later()).lost_roles == 0
    take_over(document())
    assert sweep(later()).lost_roles == 0
    assert due() == {}
    assert SiteSession.objects.exists()


def test_it_does_not_matter_who_notices_first(newcomers: Newcomers, later: Callable[[], datetime]) -> None:
    """A click that sees the loss before the sweep hides it from nobody: what follows still follows."""
    dn, spare = newcomers.person("ada"), newcomers.person("spare")
    readers = newcomers.group("sweep-readers", dn)
    take_over(document(rule(newcomers, readers, READ, "readers")))
    person, _ = holding("ada", READ)
    newcomers.change(readers, f"replace: member\nmember: {spare}")
    recent_answers.clear()
    moment = later()
    assert current_identity(person, now=moment).groups == ()
    assert due() == {}
    assert sweep(moment + SECOND).lost_roles == 1
    assert due() == {READ: "directory:group-lost"}


def test_a_click_that_went_by_the_answer_of_before_gives_nothing_for_good(
    newcomers: Newcomers, later: Callable[[], datetime]
) -> None:
    """What was taken by an answer of seconds ago, just after the sweep saw the loss, is due at the next turn."""
    dn, spare = newcomers.person("ada"), newcomers.person("spare")
    readers, admins = newcomers.group("sweep-readers", dn), newcomers.group("sweep-admins", dn)
    take_over(
        document(rule(newcomers, readers, READ, "readers"), rule(newcomers, admins, ADMIN, "administrators"))
    )
    person, _ = holding("ada", ADMIN)
    newcomers.change(admins, f"replace: member\nmember: {spare}")
    assert sweep(later()).lost_roles == 1
    taken = an_access(person, ends_at=timezone.now() + timedelta(minutes=45))
    AccessSession.objects.filter(pk=taken.pk).update(role_arn=ADMIN)
    assert sweep(later()).lost_roles == 0
    assert EndingDue.objects.filter(access=taken).exists()
    for _ in range(2):
        sweep(later())
    assert DirectorySnapshot.objects.get().lost_groups is None
    assert AuditRecord.objects.filter(event="person:roles:lost").count() == 1


def test_who_never_had_a_role_is_left_in_peace(newcomers: Newcomers, later: Callable[[], datetime]) -> None:
    """Somebody without any role may stay signed in and read why."""
    newcomers.group("sweep-nothing", newcomers.person("ada"))
    holding("ada")
    for _ in range(3):
        sweep(later())
    assert SiteSession.objects.exists()


def test_staff_rights_are_swept_alike(newcomers: Newcomers, later: Callable[[], datetime]) -> None:
    """Who leaves the administrators' group is staff no more, recorded, without opening a page; who joins is."""
    dn, spare = newcomers.person("ada"), newcomers.person("spare")
    staff = newcomers.group("sweep-staff", dn)
    with settings_changed(DRAWBRIDGE_ADMIN_GROUPS=(staff,)):
        person, _ = holding("ada")
        assert person.is_staff
        newcomers.change(staff, f"replace: member\nmember: {spare}")
        sweep(later())
        person.refresh_from_db()
        assert not person.is_staff
        assert not SiteSession.objects.filter(user=person).exists()
        person, _ = holding("ada")
        newcomers.change(staff, f"add: member\nmember: {dn}")
        sweep(later())
        person.refresh_from_db()
        assert person.is_staff
    changes = AuditRecord.objects.filter(event__startswith="person:admin:").order_by("pk")
    assert list(changes.values_list("event", flat=True)) == ["person:admin:taken", "person:admin:given"]


def test_nobody_is_asked_about_twice_within_the_interval(
    newcomers: Newcomers, later: Callable[[], datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has clicked, or was swept, is not asked about again; the others come together in one search."""
    asked: list[list[str]] = []
    original = LdapDirectory.find_each

    def spy(self: LdapDirectory, immutable_ids: list[str], *, now: datetime, names: bool) -> object:
        asked.append(list(immutable_ids))
        return original(self, immutable_ids, now=now, names=names)

    monkeypatch.setattr(LdapDirectory, "find_each", spy)
    people = []
    for name in ("ada", "bea", "cyd"):
        newcomers.person(name)
        people.append(holding(name)[0])
    assert sweep(timezone.now()).taken_up == 0
    moment = later()
    recent_answers.clear()
    current_identity(people[0], now=moment - 2 * SECOND)
    assert sweep(moment).taken_up == 3
    assert [len(ids) for ids in asked] == [2]
    assert sweep(moment + SECOND).taken_up == 0
    assert sweep(moment + access_config().sweep_every - SECOND).taken_up == 0
    assert len(asked) == 1


def test_many_people_cost_little_more_than_one_question_each(
    newcomers: Newcomers, later: Callable[[], datetime]
) -> None:
    """Their entries come together, what is the same for all is read once, and each one's groups by one question."""
    names = [f"cheap-{number}" for number in range(20)]
    inner = newcomers.group("sweep-inner", *[newcomers.person(name) for name in names])
    newcomers.group("sweep-outer", inner)
    for name in names:
        holding(name)
    with counted_operations() as counted:
        assert sweep(later()).taken_up == len(names)
    assert len(counted.told) <= len(names) + 5, counted.told


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_share_the_work(newcomers: Newcomers, later: Callable[[], datetime]) -> None:
    """Two workers at the same moment: everybody is taken up by one of them, and each leaver let go once."""
    people = [newcomers.person(f"pair-{number}") for number in range(12)]
    for number in range(12):
        holding(f"pair-{number}", READ)
    for dn in people[:5]:
        newcomers.disable(dn)
    moment, done = later(), []

    def work() -> None:
        try:
            done.append(sweep(moment))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.taken_up for one in done) == 12
    assert sum(one.let_go for one in done) == 5
    assert AuditRecord.objects.filter(event="access:session:ending-due").count() == 5


def test_a_sweep_ends_in_time_and_the_next_goes_on(
    newcomers: Newcomers, later: Callable[[], datetime]
) -> None:
    """Without time nobody is taken up; then the longest waiting is first."""
    for name in ("ada", "bea"):
        newcomers.person(name)
        holding(name)
    moment = later()
    assert sweep_people(now=moment, for_at_most=timedelta(0)).taken_up == 0
    assert sweep(moment).taken_up == 2


@pytest.mark.fault(1)
def test_without_the_directory_nobody_loses_anything_by_the_sweep(
    newcomers: Newcomers, later: Callable[[], datetime]
) -> None:
    """While no server answers everybody stays signed in; back again, a leaver is found at the next turn."""
    dn = newcomers.person("ada")
    person, _ = holding("ada", READ)
    newcomers.disable(dn)
    with directory_gone():
        swept = sweep(later())
        assert (swept.taken_up, swept.unanswered, swept.let_go) == (1, 1, 0)
    assert SiteSession.objects.filter(user=person).exists()
    assert sweep(later()).let_go == 1


@pytest.mark.fault(3)
def test_one_entry_that_cannot_be_read_keeps_nobody_else_waiting(
    newcomers: Newcomers, later: Callable[[], datetime]
) -> None:
    """A person whose entry shows no name is left as they were; the leaver beside them is let go."""
    broken, leaver = newcomers.person("ada"), newcomers.person("bea")
    holding("ada", READ)
    gone, _ = holding("bea", READ)
    newcomers.disable(leaver)
    newcomers.rename(broken, "cn=Ada")
    swept = sweep(later())
    assert (swept.unanswered, swept.let_go) == (1, 1)
    assert list(EndingDue.objects.values_list("access__user", flat=True)) == [gone.pk]
    assert SiteSession.objects.count() == 1


@pytest.mark.fault(3)
def test_a_few_who_are_missing_are_compared_with_others(
    newcomers: Newcomers, later: Callable[[], datetime]
) -> None:
    """Few have their turn at once: that all of them are missing counts only beside others who are not."""
    names = [f"few-{number}" for number in range(MANY_GONE + 3)]
    dns = [newcomers.person(name) for name in names]
    people = [holding(name, READ)[0] for name in names]
    for dn in dns[: MANY_GONE + 1]:
        newcomers.remove(dn)
    moment = later()
    DirectorySnapshot.objects.exclude(user__in=people[:2]).update(swept_at=moment)
    assert (sweep(moment).let_go, due()) == (0, {})
    for name in names[2 : MANY_GONE + 1]:
        newcomers.person(name)
        DirectorySnapshot.objects.get(user__username=name).delete()
        holding(name)
    moment = later()
    DirectorySnapshot.objects.exclude(user__in=people[:2]).update(swept_at=moment)
    assert sweep(moment).let_go == 2


@pytest.mark.fault(3)
def test_where_nearly_everybody_is_gone_at_once_it_is_not_believed_before_the_deadline(
    newcomers: Newcomers, later: Callable[[], datetime]
) -> None:
    """A right to read that was taken away looks like everybody leaving: their work goes on until the deadline."""
    names = [f"many-{number}" for number in range(MANY_GONE + 2)]
    dns = [newcomers.person(name) for name in names]
    for name in names:
        holding(name, READ)
    for dn in dns[:MANY_GONE]:
        newcomers.remove(dn)
    swept = sweep(later())
    assert (swept.let_go, swept.unanswered) == (0, MANY_GONE)
    assert SiteSession.objects.count() == len(names)
    assert due() == {}
    after_the_deadline = timezone.now() + access_config().recheck_deadline + SECOND
    assert sweep(after_the_deadline).let_go == MANY_GONE
    assert SiteSession.objects.count() == 2


@pytest.mark.attack("LD-08")
@pytest.mark.fault(3)
def test_clicks_of_many_who_seem_to_be_gone_end_nothing_in_aws_before_the_deadline(
    newcomers: Newcomers, later: Callable[[], datetime]
) -> None:
    """Each is refused at once and signed out; that all of them have left is believed no sooner than by the sweep."""
    names = [f"many-{number}" for number in range(MANY_GONE + 2)]
    dns = [newcomers.person(name) for name in names]
    people = [holding(name, READ)[0] for name in names]
    for dn in dns[:MANY_GONE]:
        newcomers.remove(dn)
    recent_answers.clear()
    clicked_at = timezone.now() + SECOND
    for person in people[:MANY_GONE]:
        with pytest.raises(SignInEnded):
            current_identity(person, now=clicked_at)
    assert set(SiteSession.objects.values_list("user", flat=True)) == {one.pk for one in people[MANY_GONE:]}
    # Theirs is the next turn, also before the interval is over.
    swept = sweep(clicked_at)
    assert (swept.taken_up, swept.unanswered, due()) == (MANY_GONE, MANY_GONE, {})
    assert sweep(later()).unanswered == MANY_GONE
    assert due() == {}
    sweep(timezone.now() + access_config().recheck_deadline + SECOND)
    ended = EndingDue.objects.values_list("access__user", flat=True)
    assert set(ended) == {one.pk for one in people[:MANY_GONE]}


@pytest.mark.postgresql
def test_taking_up_reads_along_the_index() -> None:
    """However many are followed, those whose turn it is are found without looking at the others."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO idp_user (account_key, directory, username, display_name, mail, persistent_id, is_staff,"
            " is_active, created_at, password) SELECT 'd:' || n, 'd', 'u' || n, '', '', '_' || n, false, true,"
            " now(), '' FROM generate_series(1, 5000) AS n"
        )
        cursor.execute(
            "INSERT INTO idp_directorysnapshot (user_id, identity, asked_at, swept_at)"
            " SELECT id, '{}', now(), now() - (id % 60) * interval '1 second' FROM idp_user"
        )
        cursor.execute("ANALYZE idp_user")
        cursor.execute("ANALYZE idp_directorysnapshot")
    every = access_config().sweep_every
    for rows in (
        DirectorySnapshot.objects.due_to_sweep(now, every=every).select_related("user")[:50],
        DirectorySnapshot.objects.out_of_line(now, every=every),
    ):
        assert "Seq Scan" not in rows.explain()


def test_a_sweep_that_does_not_run_is_noticed(newcomers: Newcomers) -> None:
    """For minutes nobody has been taken up: the doctor is told how long; after a sweep all is well again."""
    newcomers.person("ada")
    holding("ada")
    soon, long_after = timezone.now() + timedelta(minutes=2), timezone.now() + timedelta(minutes=10)
    assert sweep_is_late(now=soon) is None
    late = sweep_is_late(now=long_after)
    assert late is not None
    assert timedelta(minutes=9) < late < timedelta(minutes=11)
    sweep(long_after)
    assert sweep_is_late(now=long_after) is None


def test_a_moment_in_the_future_counts_as_long_ago(newcomers: Newcomers) -> None:
    """After a clock was set back nobody waits for the time to come round again."""
    newcomers.person("ada")
    holding("ada")
    an_hour_before = timezone.now() - timedelta(hours=1)
    assert sweep(an_hour_before).taken_up == 1


def test_answers_about_people_with_nothing_to_lose_are_not_kept(
    newcomers: Newcomers, later: Callable[[], datetime]
) -> None:
    """Signed out and holding nothing: the answer goes once it is of no use, and the person is followed no more."""
    newcomers.person("ada")
    holding("ada")
    SiteSession.objects.all().delete()
    sweep(later())
    assert DirectorySnapshot.objects.exists()
    sweep(timezone.now() + timedelta(hours=1))
    assert not DirectorySnapshot.objects.exists()
