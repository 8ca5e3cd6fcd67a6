"""Which roles people have, from the real directory and the real tables."""

import threading
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from idp.domain.aws.arn import RoleArn
from idp.domain.explanation import Outcome
from idp.models import Account, MappingVersion, Role, Rule, User
from idp.services import rules as service
from idp.services.break_glass import create_local_administrator
from idp.services.entitlements import entitlements_of, explain_access
from idp.services.identity import UnknownName
from idp.services.mapping_rows import MappingRows, read_rows
from idp.services.rules import RulesUnavailable, current_rules
from tests.integration.idp.services.doors import person_who_enters
from tests.integration.idp.services.mappings import ADMIN, READ, auditors, by_name, document, take_over

pytestmark = pytest.mark.django_db

DEMO = Path(__file__).resolve().parents[4] / "deploy/demo/mapping.yaml"


def arns_of(person: User) -> list[str]:
    return [str(given.role.arn) for given in entitlements_of(person, now=timezone.now())]


def test_everybody_of_the_company_has_what_is_said_by_hand(company: Slapd) -> None:
    """Through nested groups, patterns, denials and dates each person has exactly the expected roles."""
    assert company
    take_over(DEMO.read_bytes())
    working = [one.uid for one in cast.PEOPLE if not one.disabled]
    found = {uid: sorted(arns_of(person_who_enters(uid, cast.password_of(uid)))) for uid in working}
    assert found == {uid: cast.expected_roles(uid) for uid in working}


def test_the_way_through_the_groups_is_told(company: Slapd) -> None:
    """Each entitlement names its rule and the groups from the direct one to the one that counts."""
    assert company
    take_over(DEMO.read_bytes())
    given = entitlements_of(person_who_enters("lena", cast.password_of("lena")), now=timezone.now())
    [read] = [one for one in given if str(one.role.arn) == READ]
    assert read.ground.rule.name == "by the name of the group"
    assert read.ground.group.way == (
        cast.group_dn("payments-on-call"),
        cast.group_dn("AWS-111122223333-ReadOnly", "aws"),
    )


def test_a_local_administrator_has_no_role_and_the_directory_is_not_asked() -> None:
    """Break-glass administrators never get a role, whatever the rules say."""
    create_local_administrator(name="root.two", password="correct horse battery staple", now=timezone.now())
    assert entitlements_of(User.objects.get(account_key="local:root.two"), now=timezone.now()) == ()


def test_rules_are_compiled_once_for_each_version(company: Slapd) -> None:
    """The same book comes back until something changes; every way of changing a row makes a new one."""
    assert company
    take_over(document(auditors()))
    book = current_rules()
    assert current_rules() is book
    rule = Rule.objects.get()
    for change in (
        rule.save,
        lambda: Rule.objects.update(note="x"),
        lambda: Rule.objects.filter(pk=rule.pk).delete(),
        lambda: Role.objects.filter(name="Admin").delete(),
        lambda: Account.objects.update(name="Renamed"),
    ):
        before = current_rules()
        change()
        assert current_rules() is not before
    assert current_rules().rules == ()
    assert current_rules().version == MappingVersion.current()


def test_reading_the_version_is_the_only_question_while_nothing_changes(
    company: Slapd, django_assert_num_queries: type
) -> None:
    """One statement per call, whatever the number of rules."""
    assert company
    take_over(document(auditors()))
    current_rules()
    with django_assert_num_queries(1):
        current_rules()


def test_many_threads_compile_one_book(company: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that come together after a change share one reading of the tables."""
    assert company
    take_over(document(auditors()))
    rows, version = read_rows(), MappingVersion.current()
    readings: list[int] = []

    def counted() -> tuple[int, MappingRows]:
        readings.append(1)
        return version, rows

    monkeypatch.setattr(service, "_read_one_version", counted)
    monkeypatch.setattr(MappingVersion, "current", classmethod(lambda _: version))
    monkeypatch.setattr(service, "_kept", service._Kept())  # noqa: SLF001 - a process that has read nothing yet
    books: list[object] = []
    threads = [threading.Thread(target=lambda: books.append(current_rules())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(readings) == 1
    assert len({id(book) for book in books}) == 1


def broken(statement: str) -> None:
    """Somebody writes into the table past every check."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
    MappingVersion.advance()


def test_a_permission_that_cannot_be_read_gives_nothing_and_spoils_nothing(
    company: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left out and logged by its number; the rules beside it hold."""
    assert company
    take_over(document(auditors(), by_name()))
    broken("UPDATE idp_rule SET pattern = '(' WHERE name = 'by name'")
    with caplog.at_level("ERROR", logger="drawbridge.services"):
        assert [rule.name for rule in current_rules().rules] == ["auditors read"]
    assert any("rules.row.broken" in record.message for record in caplog.records)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE idp_rule SET pattern = '(' WHERE name = 'by name'",
        "UPDATE idp_rule SET base = 'no name' WHERE name = 'by name'",
        "UPDATE idp_rule SET duration_seconds = 1 WHERE name = 'by name'",
        "UPDATE idp_rule SET effect = 'DENY' WHERE name = 'by name'",
    ],
)
def test_a_denial_that_cannot_be_read_gives_nobody_anything(statement: str, company: Slapd) -> None:
    """Without it somebody could get too much: everything is unavailable until it is put right."""
    assert company
    take_over(document(auditors(), by_name(effect="deny")))
    assert current_rules()
    broken(statement)
    for _ in range(2):
        with pytest.raises(RulesUnavailable, match="denies and cannot be read"):
            current_rules()
    Rule.objects.filter(name="by name").delete()
    assert [rule.name for rule in current_rules().rules] == ["auditors read"]


def test_a_role_that_cannot_be_read_is_given_to_nobody(company: Slapd) -> None:
    """Its rules lead nowhere; other roles are given."""
    assert company
    take_over(document(auditors(), auditors(name="two", role=ADMIN)))
    broken("UPDATE idp_role SET longest_seconds = 900, tags = '\"Team\"' WHERE name = 'Admin'")
    assert [str(arn) for arn in current_rules().roles] == [READ]
    assert [rule.name for rule in current_rules().rules] == ["auditors read"]


def test_an_explanation_for_a_yes_and_for_a_no(company: Slapd) -> None:
    """By user name, of one role or of all; an unknown name is refused."""
    assert company
    take_over(DEMO.read_bytes())
    now = timezone.now()
    [yes] = explain_access("helen", role=RoleArn.parse(READ), now=now)
    assert yes.entitlement is not None
    [no] = explain_access("zoe", role=RoleArn.parse("arn:aws:iam::555566667777:role/Experiment"), now=now)
    assert no.entitlement is None
    assert {one.outcome for one in no.considered if one.group} == {Outcome.ALLOWS, Outcome.DENIES}
    told = {(one.account, one.role_name): one.role for one in explain_access("jane", role=None, now=now)}
    assert told["999900001111", "Nowhere"] is None
    assert told["111122223333", "ReadOnly"] is not None
    [disabled] = explain_access("eve", role=RoleArn.parse(READ), now=now)
    assert not disabled.account_may_receive
    with pytest.raises(UnknownName):
        explain_access("nobody-of-this-name", role=None, now=now)
