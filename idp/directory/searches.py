"""Searches on an open connection, whose answers are complete or none."""

from collections.abc import Sequence
from typing import Any

import ldap
from ldap.controls.libldap import SimplePagedResultsControl

from idp.directory.account_state import Attributes
from idp.directory.links import Link
from idp.domain.errors import DirectoryUnavailable

PAGE = 500

RawEntry = tuple[str, Attributes]


def search(
    link: Link,
    base: str,
    scope: int,
    filter_text: str,
    attributes: Sequence[str],
    *,
    seconds: float,
    controls: Sequence[Any] = (),
) -> list[RawEntry]:
    """Every entry that matches; Unavailable where the server refers elsewhere for a part of them."""
    found: list[RawEntry] = []
    cookie: bytes | str = ""
    while True:
        page, cookie = _one_page(
            link,
            base,
            scope,
            filter_text,
            attributes,
            seconds=seconds,
            size=PAGE,
            cookie=cookie,
            controls=controls,
        )
        found += page
        if not cookie:
            return found


def first_page(
    link: Link, base: str, filter_text: str, attributes: Sequence[str], *, seconds: float, size: int
) -> list[RawEntry]:
    """At most so many of the entries below the base that match: for choosing from, never for deciding."""
    page, _ = _one_page(
        link,
        base,
        ldap.SCOPE_SUBTREE,
        filter_text,
        attributes,
        seconds=seconds,
        size=size,
        cookie="",
        controls=(),
    )
    return page[:size]


def _one_page(
    link: Link,
    base: str,
    scope: int,
    filter_text: str,
    attributes: Sequence[str],
    *,
    seconds: float,
    size: int,
    cookie: bytes | str,
    controls: Sequence[Any],
) -> tuple[list[RawEntry], bytes | str]:
    paging = SimplePagedResultsControl(criticality=False, size=size, cookie=cookie)
    number = link.search_ext(
        base, scope, filter_text, list(attributes), serverctrls=[paging, *controls], timeout=seconds
    )
    _, data, _, answered = link.result3(number, timeout=seconds)
    # A continuation reference has no name: a part of the answer lies on a server that we do not follow to.
    if any(dn is None for dn, _ in data):
        raise DirectoryUnavailable(
            f"the directory refers to other servers below {base}: name a narrower base"
        )
    for control in answered:
        if control.controlType == SimplePagedResultsControl.controlType:
            return data, control.cookie
    return data, ""
