"""What may be answered, and how: decisions about a request that was checked, without a server."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.authn_request import (
    CLASSES,
    HELD_CLASSES,
    AuthnRequest,
    Comparison,
    NameIdPolicy,
    RequestNotTrusted,
    RequestUnmet,
    Status,
    Subject,
    answer_endpoint,
    check_can_be_met,
    check_destination,
    check_is_subject,
    check_moment,
    context_class,
)
from idp.domain.saml_names import Binding, NameIdFormat
from idp.domain.service_provider import AcsEndpoint, ServiceProvider
from idp.domain.single_logout import KnownSession, LogoutRequest, check_not_over, sessions_meant

OURS = "https://idp.example.test/saml/metadata"
SERVICE = ServiceProvider(
    entity_id="https://sp.example.test",
    name="Wiki",
    acs=(
        AcsEndpoint("https://sp.example.test/first", 3),
        AcsEndpoint("https://sp.example.test/second", 7, is_default=True),
    ),
    for_everyone=True,
)


@pytest.fixture
def request_of_service(now: datetime) -> AuthnRequest:
    """A request without a single wish."""
    return AuthnRequest(
        id="_1", issuer=SERVICE.entity_id, issued_at=now, binding=Binding.HTTP_POST, signed_by="x"
    )


@given(address=st.text(max_size=60))
def test_no_address_but_a_registered_one(address: str) -> None:
    """Whatever the text: it is one of the registered ones, character by character, or refused."""
    asked = AuthnRequest(
        id="_1",
        issuer=SERVICE.entity_id,
        issued_at=datetime.min,  # noqa: DTZ901 - not looked at
        binding=Binding.HTTP_POST,
        signed_by="x",
        acs_url=address,
    )
    if address in {endpoint.location for endpoint in SERVICE.acs}:
        assert answer_endpoint(asked, SERVICE).location == address
    else:
        with pytest.raises(RequestNotTrusted):
            answer_endpoint(asked, SERVICE)


def test_indexes_and_the_default(request_of_service: AuthnRequest) -> None:
    """An index finds its endpoint, nothing finds the default, and an index stands alone."""
    assert answer_endpoint(request_of_service, SERVICE).index == 7
    assert answer_endpoint(replace(request_of_service, acs_index=3), SERVICE).index == 3
    lies: list[dict[str, Any]] = [
        {"acs_index": 4},
        {"acs_index": 3, "acs_url": "https://sp.example.test/first"},
        {"acs_index": 3, "protocol_binding": Binding.HTTP_POST.value},
        {"protocol_binding": Binding.HTTP_REDIRECT.value},
    ]
    for lie in lies:
        with pytest.raises(RequestNotTrusted):
            answer_endpoint(replace(request_of_service, **lie), SERVICE)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_five_minutes_and_no_more(seconds: int, now: datetime) -> None:
    """A second more is too much, before and after."""
    with pytest.raises(RequestNotTrusted):
        check_moment(now + timedelta(seconds=seconds), now=now)
    check_moment(now + timedelta(seconds=seconds - (1 if seconds > 0 else -1)), now=now)


def test_whose_address_it_is() -> None:
    """A signed request names our address, an unsigned one names it or none."""
    check_destination(OURS, ours=OURS, is_signed=True)
    check_destination(None, ours=OURS, is_signed=False)
    for destination, is_signed in ((None, True), ("x", True), ("x", False)):
        with pytest.raises(RequestNotTrusted):
            check_destination(destination, ours=OURS, is_signed=is_signed)


@given(
    classes=st.lists(st.sampled_from([*HELD_CLASSES, f"{CLASSES}X509", "urn:x"]), min_size=1, max_size=4),
    comparison=st.sampled_from(Comparison),
)
def test_a_class_that_is_named_is_one_that_we_hold(classes: list[str], comparison: Comparison) -> None:
    """No comparison makes us claim more than a password over TLS; an exact one names what was asked."""
    asked = AuthnRequest(
        id="_1",
        issuer="x",
        issued_at=datetime.min,  # noqa: DTZ901 - not looked at
        binding=Binding.HTTP_POST,
        signed_by="x",
        contexts=tuple(classes),
        comparison=comparison,
    )
    with suppress(RequestUnmet):
        named = context_class(asked)
        assert named in HELD_CLASSES
        assert comparison is not Comparison.EXACT or named in classes


def test_what_we_never_do(request_of_service: AuthnRequest) -> None:
    """Each wish with the status that it is answered by; without wishes nothing is refused."""
    check_can_be_met(request_of_service, SERVICE, entity_id=OURS)
    unmet: list[tuple[dict[str, Any], Status]] = [
        ({"has_conditions": True}, Status.REQUEST_UNSUPPORTED),
        ({"has_further_providers": True}, Status.REQUEST_UNSUPPORTED),
        ({"named_providers": ("https://other.example.test",)}, Status.NO_SUPPORTED_IDP),
        ({"name_id_policy": NameIdPolicy(NameIdFormat.EMAIL)}, Status.INVALID_NAME_ID_POLICY),
        ({"name_id_policy": NameIdPolicy(sp_name_qualifier="x")}, Status.INVALID_NAME_ID_POLICY),
    ]
    for wish, status in unmet:
        with pytest.raises(RequestUnmet) as refused:
            check_can_be_met(replace(request_of_service, **wish), SERVICE, entity_id=OURS)
        assert refused.value.status is status
    met = replace(request_of_service, named_providers=("https://other.example.test", OURS))
    check_can_be_met(met, SERVICE, entity_id=OURS)


def test_nobody_gets_another_persons_statement(request_of_service: AuthnRequest) -> None:
    """The subject of a request is the person who is there, in every letter, or there is no statement."""
    own = {"name_id": "_jane", "name_id_format": NameIdFormat.PERSISTENT.value}
    check_is_subject(request_of_service, **own)
    check_is_subject(replace(request_of_service, subject=Subject("_jane")), **own)
    for subject in (Subject("_Jane"), Subject("_jane "), Subject("_jane", NameIdFormat.TRANSIENT.value)):
        with pytest.raises(RequestUnmet):
            check_is_subject(replace(request_of_service, subject=subject), **own)


def test_which_sessions_a_logout_means(now: datetime) -> None:
    """The name in every part that is told, and the index where one is told."""
    known = [
        KnownSession("_jane", NameIdFormat.PERSISTENT.value, OURS, SERVICE.entity_id, index)
        for index in ("_a", "_b")
    ]
    wish = LogoutRequest(
        id="_1",
        issuer=SERVICE.entity_id,
        issued_at=now,
        binding=Binding.HTTP_POST,
        name_id="_jane",
        name_id_format=None,
        name_qualifier=None,
        sp_name_qualifier=None,
        session_indexes=(),
    )
    assert sessions_meant(wish, known) == known
    assert sessions_meant(replace(wish, session_indexes=("_b", "_c")), known) == known[1:]
    lies: list[dict[str, Any]] = [
        {"name_id": "_Jane"},
        {"name_id_format": NameIdFormat.TRANSIENT.value},
        {"name_qualifier": "https://other.example.test"},
        {"sp_name_qualifier": "https://other.example.test"},
        {"session_indexes": ("_c",)},
    ]
    for lie in lies:
        assert sessions_meant(replace(wish, **lie), known) == []
    check_not_over(replace(wish, not_on_or_after=now - timedelta(minutes=4, seconds=59)), now=now)
    with pytest.raises(RequestNotTrusted):
        check_not_over(replace(wish, not_on_or_after=now - timedelta(minutes=5)), now=now)
