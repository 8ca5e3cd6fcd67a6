"""SX-18: the same statement again. AWS takes it within its five minutes; a strict world and OneTimeUse do not."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand
from tests.servers.local_aws import LocalAws

pytestmark = pytest.mark.attack("SX-18")


def test_a_second_use_is_refused_in_a_strict_world(mode: str, stand: Stand) -> None:
    """With the strict switch one statement serves once, also in another wrapper; without it, AWS's way."""
    statement = forge.Statement(assertion_id=f"_once_{mode}")
    document = forge.signed(statement, mode)
    with Stand(LocalAws(forge.world(), "--strict-replay")) as strict:
        strict.accepted(document)
        again = forge.signed(replace(statement, response_id="_another"), mode)
        for second in (document, again):
            refusal = strict.refused(second)
            assert (refusal.code, refusal.reason) == ("InvalidIdentityToken", "saml.replay")
        strict.accepted(forge.signed(replace(statement, assertion_id="_next"), mode))
    for _ in range(2):
        stand.accepted(document)


def test_of_many_uses_at_once_one_is_accepted(stand: Stand) -> None:
    """Thirty uses at the same moment give one session."""
    document = forge.signed(forge.Statement(assertion_id="_race"), "both")
    with Stand(LocalAws(forge.world(strict_replay=True))) as strict, ThreadPoolExecutor(10) as pool:
        answers = [answer.status_code for answer in pool.map(lambda _: strict.redeem(document), range(30))]
    assert sorted(answers) == [200] + [400] * 29
    stand.accepted(document)


def test_one_time_use_is_honoured_without_the_switch(mode: str, stand: Stand) -> None:
    """A statement that says to be used once is used once (SAML Core 2.5.1.5)."""
    once = forge.Statement(assertion_id=f"_one_time_{mode}", conditions="<saml:OneTimeUse/>")
    stand.accepted(forge.signed(once, mode))
    assert stand.refused(forge.signed(once, mode)).reason == "saml.replay"


def test_a_refused_use_leaves_no_mark() -> None:
    """A statement that was refused for another reason can still be used."""
    document = forge.signed(forge.Statement(assertion_id="_kept"), "both")
    with Stand(LocalAws(forge.world(strict_replay=True))) as strict:
        assert strict.refused(document, RoleArn=forge.ADMIN).reason == "sts.role.not_in_statement"
        assert strict.refused(document, DurationSeconds="43200").reason == "sts.duration"
        strict.accepted(document)


def test_replicas_with_one_state_file_take_a_statement_once(tmp_path: Path, stand: Stand) -> None:
    """Fifty uses at once at three replicas give one session, and none after a restart."""
    document = forge.signed(forge.Statement(assertion_id="_replicas"), "both")
    shared = ("--strict-replay", "--state", str(tmp_path / "state.db"))
    with ExitStack() as running, ThreadPoolExecutor(10) as pool:
        replicas = [running.enter_context(Stand(LocalAws(forge.world(), *shared))) for _ in range(3)]
        uses = [replicas[number % 3] for number in range(50)]
        answers = [answer.status_code for answer in pool.map(lambda replica: replica.redeem(document), uses)]
    assert sorted(answers) == [200] + [400] * 49
    with Stand(LocalAws(forge.world(), *shared)) as restarted:
        assert restarted.refused(document).reason == "saml.replay"
    stand.accepted(document)
