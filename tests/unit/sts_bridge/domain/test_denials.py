"""Deny policies: they say what AWS understands, only grow while it matters, and leave alone what is not ours."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sts_bridge.domain.denials import Denial, EndedSessions, is_revoked, revoke_older
from sts_bridge.domain.errors import ForeignPolicy

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
moments = st.integers(-86_400, 86_400).map(lambda seconds: NOW + timedelta(seconds=seconds))
denials = st.lists(
    st.builds(
        Denial,
        session_name=st.from_regex(r"[A-Za-z0-9_+=,.@-]{2,64}", fullmatch=True),
        before=moments,
        until=moments,
    ),
    max_size=8,
)
FOREIGN = {"Sid": "Somebody", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}


def read(document: str) -> EndedSessions:
    return EndedSessions.read(json.loads(document) if document else None)


@given(denials)
def test_what_is_written_reads_as_the_same(wanted: list[Denial]) -> None:
    """The document is our whole memory of it in AWS: nothing is lost on the way."""
    ended = EndedSessions({}).with_denials(wanted)
    back = read(ended.document())
    assert moments_of(back) == moments_of(ended)
    assert back.covers(ended.denials.values())
    assert read(back.document()) == back
    assert ended.covers(wanted)


def moments_of(ended: EndedSessions) -> dict[str, datetime]:
    return {name: denial.before for name, denial in ended.denials.items()}


def test_a_whole_team_that_ends_at_once_fits_into_a_role() -> None:
    """One statement, needed as long as the longest of them; each would have one of its own otherwise."""
    wanted = [
        Denial(f"first.last{number}@example.test", NOW, NOW + timedelta(hours=1, seconds=number))
        for number in range(200)
    ]
    document = EndedSessions({}).with_denials(wanted).document()
    assert len(json.loads(document)["Statement"]) == 1
    assert len(document) < 10_240
    assert read(document).covers(wanted)
    apart = [Denial("another", NOW + timedelta(seconds=1), NOW + timedelta(hours=1))]
    assert len(json.loads(read(document).with_denials(apart).document())["Statement"]) == 2


@given(denials, denials)
def test_merging_never_gives_anything_back(first: list[Denial], second: list[Denial]) -> None:
    """Whatever comes to it, in whatever order, what was denied stays denied, as long and as late."""
    one = read(EndedSessions({}).with_denials(first).document()).with_denials(second)
    other = EndedSessions({}).with_denials(second).with_denials(first)
    assert moments_of(one) == moments_of(other)
    assert one.covers([*first, *second])
    assert other.covers([*first, *second])


@given(denials)
def test_only_what_no_longer_matters_goes(wanted: list[Denial]) -> None:
    """After the last session of a name has ended by itself, and not before, its denial goes."""
    ended = EndedSessions({}).with_denials(wanted)
    left = ended.without_past(NOW)
    for name, denial in ended.denials.items():
        assert (name in left.denials) == (denial.until > NOW)


def test_the_document_is_what_aws_evaluates() -> None:
    """One statement for those who end alike; a part of a second counts as a whole one."""
    until = NOW + timedelta(hours=1)
    early = NOW + timedelta(microseconds=1)
    document = json.loads(
        EndedSessions({})
        .with_denials([Denial("jane", early, until), Denial("joe@example.test", early, until)])
        .document()
    )
    assert document == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Until20260302T103000ZBefore20260302T093001Z",
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {
                    "DateLessThan": {"aws:TokenIssueTime": "2026-03-02T09:30:01Z"},
                    "StringLike": {"aws:userid": ["*:jane", "*:joe@example.test"]},
                },
            }
        ],
    }
    assert EndedSessions({}).document() == ""


@pytest.mark.parametrize(
    "change",
    [
        {"Sid": "Until20260302T103000ZBefore20260302T093002Z"},
        {"Effect": "Allow"},
        {"Action": "s3:*"},
        {"Condition": {}},
        {"Extra": "x"},
    ],
)
def test_a_statement_that_is_not_ours_is_kept_as_it_is(change: dict[str, Any]) -> None:
    """Somebody's change of ours is theirs: kept to the letter through merging and cleaning up."""
    document = json.loads(EndedSessions({}).with_denials([Denial("jane", NOW, NOW)]).document())
    (ours,) = document["Statement"]
    assert not EndedSessions.read(document).foreign
    theirs = {**ours, **change}
    stands = EndedSessions.read({"Version": "2012-10-17", "Statement": [theirs, FOREIGN]})
    assert stands.foreign == (theirs, FOREIGN)
    grown = stands.with_denials([Denial("joe", NOW, NOW + timedelta(hours=1))]).without_past(NOW)
    assert json.loads(grown.document())["Statement"][-2:] == [theirs, FOREIGN]
    assert EndedSessions.read({"Statement": FOREIGN}).foreign == (FOREIGN,)


def whole_role(moment: str, **changes: Any) -> dict[str, Any]:
    statement = {
        "Effect": "Deny",
        "Action": ["*"],
        "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": moment}},
    }
    return {"Version": "2012-10-17", "Statement": [{**statement, **changes}]}


def test_the_whole_role_s_moment_only_moves_forward() -> None:
    """What AWS's console wrote later stays; what it wrote earlier is moved on; the same is left alone."""
    assert revoke_older(whole_role("2026-03-02T09:30:01.000Z"), before=NOW) is None
    assert revoke_older(whole_role("2026-03-02T09:30:00Z"), before=NOW) is None
    for stands in (None, whole_role("2026-03-02T09:29:59Z")):
        document = revoke_older(stands, before=NOW)
        assert document is not None
        assert json.loads(document) == whole_role("2026-03-02T09:30:00Z")
        assert is_revoked(json.loads(document), before=NOW)
    assert not is_revoked(None, before=NOW)


@pytest.mark.parametrize(
    "document",
    [
        whole_role("2026-03-02T09:00:00Z", Effect="Allow"),
        whole_role("2026-03-02T09:00:00Z", Action=["s3:*"]),
        whole_role("yesterday"),
        whole_role(
            "2026-03-02T09:00:00Z",
            Condition={"DateLessThan": {"aws:TokenIssueTime": "2026-03-02T09:00:00Z", "x": "y"}},
        ),
        whole_role("2026-03-02T09:00:00Z", Condition={"StringLike": {"aws:userid": "*:jane"}}),
        {"Statement": []},
        {"Statement": "x"},
        {},
    ],
)
def test_a_policy_of_aws_s_name_that_says_something_else_is_not_touched(document: dict[str, Any]) -> None:
    """It is refused by name, whatever its moment: overwriting it would undo what somebody meant."""
    with pytest.raises(ForeignPolicy):
        revoke_older(document, before=NOW)
