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
        {"Condition": {"StringLike": {"aws:userid": "*:jane"}}},
        {"Extra": "x"},
    ],
)
def test_a_statement_by_a_name_of_ours_that_says_something_else_is_replaced(change: dict[str, Any]) -> None:
    """No two statements of one name, which AWS refuses; whom it still names stays denied; others' are untouched."""
    wanted = [Denial("jane", NOW, NOW + timedelta(hours=1))]
    document = json.loads(EndedSessions({}).with_denials(wanted).document())
    (ours,) = document["Statement"]
    assert not EndedSessions.read(document).altered
    theirs = {**ours, **change}
    stands = EndedSessions.read({"Version": "2012-10-17", "Statement": [theirs, FOREIGN]})
    assert (stands.altered, stands.foreign) == ((theirs,), (FOREIGN,))
    mended = json.loads(stands.with_denials(wanted).document())
    assert len({one["Sid"] for one in mended["Statement"]}) == len(mended["Statement"]) == 2
    assert mended["Statement"][-1] == FOREIGN
    back = EndedSessions.read(mended)
    assert not back.altered
    assert back.covers(wanted)
    if change != {"Condition": {}}:
        assert stands.covers(stands.denials.values())
        assert set(stands.denials) == {"jane"}


@pytest.mark.parametrize("sid", ["Theirs", "Until20260302T103000Z", None])
def test_a_statement_that_is_not_ours_is_kept_as_it_is(sid: str | None) -> None:
    """Under another name or none it is theirs: kept to the letter through merging and cleaning up."""
    document = json.loads(EndedSessions({}).with_denials([Denial("jane", NOW, NOW)]).document())
    (ours,) = document["Statement"]
    theirs = {name: value for name, value in (ours | {"Sid": sid}).items() if value is not None}
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


def test_hundreds_who_ended_at_moments_of_their_own_fit_into_a_role() -> None:
    """Past moments are shared by all who hold nothing newer; whoever does keeps their own, and to come none is."""
    past = NOW - timedelta(minutes=1)
    wanted = [
        Denial(f"first.last{number}", past - timedelta(minutes=number), NOW + timedelta(hours=1))
        for number in range(400)
    ]
    soon = Denial("soon", NOW + timedelta(minutes=5), NOW + timedelta(hours=2))
    apart = EndedSessions({}).with_denials([*wanted, soon])
    assert len(apart.document()) > 10_240
    together = apart.gathered(past=past, but={"first.last7"})
    assert len(together.document()) < 10_240
    assert together.covers([*wanted, soon])
    moments = {name: denial.before for name, denial in together.denials.items()}
    assert moments.pop("first.last7") == past - timedelta(minutes=7)
    assert moments.pop("soon") == soon.before
    assert set(moments.values()) == {past}
    assert read(together.document()).covers([*wanted, soon])


@given(denials, denials)
def test_gathering_gives_nothing_back_and_reaches_no_future(
    first: list[Denial], second: list[Denial]
) -> None:
    """Every moment stays or grows, and none grows beyond what was past already."""
    ended = EndedSessions({}).with_denials([*first, *second])
    gathered = ended.gathered(past=NOW, but=set(ended.denials) & {one.session_name for one in second})
    assert gathered.covers(ended.denials.values())
    for name, denial in gathered.denials.items():
        assert denial.before == ended.denials[name].before or denial.before <= NOW


def test_who_shares_a_statement_goes_when_their_own_time_has_come() -> None:
    """The statement stands until the last of them; what is on record of each decides who is still in it."""
    early, late = NOW + timedelta(minutes=1), NOW + timedelta(hours=3)
    document = (
        EndedSessions({}).with_denials([Denial("jane", NOW, early), Denial("joe", NOW, late)]).document()
    )
    stands = read(document)
    assert {denial.until for denial in stands.denials.values()} == {late}
    left = stands.lasting({"jane": early}).without_past(early)
    assert set(left.denials) == {"joe"}
    assert set(stands.without_past(early).denials) == {"jane", "joe"}, "of whom nothing is known stays in it"
