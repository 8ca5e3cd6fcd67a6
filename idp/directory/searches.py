"""One operation each on an open connection: a search whose answer is complete, a bind that tells yes or no."""

from collections.abc import Mapping, Sequence
from typing import Any

import ldap
from ldap.controls.libldap import SimplePagedResultsControl

from idp.directory.connections import Link
from idp.domain.errors import DirectoryUnavailable

PAGE = 500

Attributes = Mapping[str, list[bytes]]
RawEntry = tuple[str, Attributes]

# 389 Directory Server says UNWILLING_TO_PERFORM for a locked account, some servers NO_SUCH_OBJECT for
# an unknown name, and all INAPPROPRIATE_AUTH for an entry without a password.
REFUSED_BIND = (
    ldap.INVALID_CREDENTIALS,
    ldap.INAPPROPRIATE_AUTH,
    ldap.NO_SUCH_OBJECT,
    ldap.UNWILLING_TO_PERFORM,
    ldap.INVALID_DN_SYNTAX,
)


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


def bind(link: Link, dn: str, password: str, *, seconds: float) -> bool:
    """Whether the server accepts this password for this entry; the connection stays usable either way."""
    try:
        link.result3(link.simple_bind(dn, password), timeout=seconds)
    except REFUSED_BIND:
        return False
    return True
