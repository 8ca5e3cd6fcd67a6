"""AW-01: session names are lawful, and no two people ever share one."""

import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.aws.attributes import aws_attributes
from idp.domain.aws.duration import shortest_duration
from idp.domain.aws.session_name import (
    UnlawfulSessionName,
    check_session_name,
    grammar,
    marked_session_name,
    propose_session_name,
    session_names,
    short_session_name,
)
from tests.unit.idp.domain.made_up import role

pytestmark = pytest.mark.attack("AW-01")

ONE, OTHER = (
    "directory:0f8fad5b-d9cb-469f-a165-70867728950e",
    "directory:7c9e6679-7425-40de-944b-e07fc1f90ae7",
)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "x" * 65,
        "jane doe",
        "jane\n",
        "jane/doe",
        "aws:jane",
        "jané",
        "jane\0",
        "jane*",
        "{jane}",
        "jane\u0661",
        "a;b",
    ],
)
def test_an_unlawful_name_is_refused_before_anything_is_signed(name: str) -> None:
    """What AWS would refuse is refused here, for the session name and the source identity alike."""
    with pytest.raises(UnlawfulSessionName):
        check_session_name(name)
    with pytest.raises(UnlawfulSessionName):
        statement(name)
    assert (
        check_session_name("jane.doe+x=y,z@example.test_-")
        in dict(statement("jane.doe+x=y,z@example.test_-")).values()
    )


def statement(name: str) -> list[tuple[str, str]]:
    given_role = role(source_identity=True)
    attributes = aws_attributes(
        role=given_role,
        granted=shortest_duration(rule=None, role=given_role.longest),
        session_name=name,
        directory_attributes={},
        tag_sources={},
    )
    assert all(len(attribute.values) == 1 for attribute in attributes)
    return [(attribute.name.rpartition("/")[2], attribute.values[0]) for attribute in attributes]


def test_source_identity_is_the_session_name_and_sent_only_where_wanted() -> None:
    """One value for both; a role that does not ask for a source identity gets none."""
    assert dict(statement("jane"))["SourceIdentity"] == dict(statement("jane"))["RoleSessionName"] == "jane"
    plain = role()
    names = [
        attribute.name
        for attribute in aws_attributes(
            role=plain,
            granted=shortest_duration(rule=None, role=plain.longest),
            session_name="jane",
            directory_attributes={},
            tag_sources={},
        )
    ]
    assert not any(name.endswith("SourceIdentity") for name in names)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jürgen", "jurgen"),
        ("jurgen", "jürgen"),
        ("jane doe", "jane-doe"),
        ("jane/doe", "jane:doe"),
        ("x" * 70 + "1", "x" * 70 + "2"),
        ("x" * 64, "x" * 65),
        ("\u5c71\u7530", "\u7530\u4e2d"),
        ("-jane-", "jane"),
        ("", "-"),
        ("a", "a-"),
        ("\uff4aane", "jane"),
        ("jane@example.test", "jane@example.test\0"),
    ],
)
def test_two_people_never_get_one_name_by_folding_or_cutting(one: str, other: str) -> None:
    """Where something of the attribute is lost, the mark of the identifier keeps people apart."""
    names = [propose_session_name(text, account_key=key) for text, key in ((one, ONE), (other, OTHER))]
    assert names[0].lower() != names[1].lower()
    assert all(grammar.fullmatch(name) for name in names)


def test_a_lawful_attribute_is_taken_as_it_is() -> None:
    """Nothing is added where nothing is lost: CloudTrail shows the address that people know."""
    assert propose_session_name("Jane.Doe@example.test", account_key=ONE) == "Jane.Doe@example.test"


def test_the_mark_is_that_of_the_identifier() -> None:
    """`-` and eight base32 characters of the SHA-256 of the account key, however long the name."""
    marked = marked_session_name("x" * 64, account_key=ONE)
    assert len(marked) == 64
    assert marked[55] == "-"
    bits = int.from_bytes(hashlib.sha256(ONE.encode()).digest()[:5])
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    assert marked[56:] == "".join(letters[bits >> shift & 31] for shift in range(35, -1, -5))


def test_nobody_is_called_what_another_s_name_is_cut_to() -> None:
    """Whoever can choose an attribute spells a victim's shortened name in it: they get a mark of their own."""
    victim = short_session_name("a-very-long-name@department.example.test", account_key=ONE, longest=32)
    assert len(victim) == 32
    for spelt in (victim, victim.lower()):
        taken = short_session_name(spelt, account_key=OTHER, longest=32)
        assert taken.lower() != victim.lower()
        assert grammar.fullmatch(taken)
        assert len(taken) <= 32
    assert short_session_name("jane@example.test", account_key=OTHER, longest=32) == "jane@example.test"


def test_whoever_takes_a_marked_name_first_keeps_nobody_out() -> None:
    """There is always a further name to try, and all of a person's names are lawful and different."""
    for attribute in ("jane", "jürgen", "", "x" * 200):
        names = list(session_names(attribute, account_key=ONE))
        assert len(names) == len({name.lower() for name in names}) >= 3
        assert all(grammar.fullmatch(name) for name in names)
        assert not {name.lower() for name in names[1:]} & {
            name.lower() for name in session_names(attribute, account_key=OTHER)
        }


@given(st.text(max_size=90), st.text(max_size=90), st.uuids(), st.uuids())
def test_names_of_different_people_differ_unless_their_attributes_do_not(
    one: str, other: str, first: uuid.UUID, second: uuid.UUID
) -> None:
    """Two names are equal only where both attributes were lawful as they stand, and equal but for case."""
    names = [
        propose_session_name(text, account_key=f"directory:{key}")
        for text, key in ((one, first), (other, second))
    ]
    assert all(grammar.fullmatch(name) for name in names)
    if first != second and names[0].lower() == names[1].lower():
        assert one.lower() == other.lower() == names[0].lower()
