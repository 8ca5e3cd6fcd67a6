"""Searches on an open connection, whose answers are complete or none."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import ldap
from ldap.controls.libldap import SimplePagedResultsControl

from idp.directory.account_state import Attributes
from idp.directory.links import Link
from idp.domain.errors import DirectoryUnavailable

PAGE = 500
# [MS-ADTS] 3.1.1.1.5: an Active Directory refers to these from the top of every domain.
PARTS_WITHOUT_PEOPLE = (
    "cn=configuration,",
    "cn=schema,cn=configuration,",
    "dc=domaindnszones,",
    "dc=forestdnszones,",
)

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


def first_few(
    link: Link, base: str, filter_text: str, attributes: Sequence[str], *, seconds: float, size: int
) -> list[RawEntry]:
    """At most so many of the entries below the base that match: for choosing from, never for deciding."""
    found: list[RawEntry] = []
    cookie: bytes | str = ""
    while True:
        page, cookie = _one_page(
            link,
            base,
            ldap.SCOPE_SUBTREE,
            filter_text,
            attributes,
            seconds=seconds,
            size=min(size, PAGE),
            cookie=cookie,
            controls=(),
        )
        found += page
        if len(found) >= size or not cookie:
            return found[:size]


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
    entries = [entry for entry in data if entry[0] is not None]
    # A continuation reference has no name: a part of the answer lies on a server that we do not follow to.
    if not all(holds_nobody(urls) for name, urls in data if name is None):
        raise DirectoryUnavailable(
            f"the directory refers to other servers below {base}: name a narrower base"
        )
    for control in answered:
        if control.controlType == SimplePagedResultsControl.controlType:
            return entries, control.cookie
    return entries, ""


def holds_nobody(urls: Sequence[str]) -> bool:
    """Whether a reference leads to a part of the forest in which there is neither a person nor a group."""
    names = [unquote(urlsplit(url).path).removeprefix("/").lower() for url in urls]
    return bool(names) and all(name.startswith(PARTS_WITHOUT_PEOPLE) for name in names)
