"""Lists in pages: how many at most, and a sealed mark for where the next one begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sts_bridge.local_aws.errors import validation_error
from sts_bridge.local_aws.tokens import Vault
from sts_bridge.local_aws.validation import Validator

DEFAULT: Final = 100

_PURPOSE = "marker"
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    marker: str | None
    most: int


def read_page(check: Validator) -> Page:
    """Give which page a call asks for."""
    return Page(
        marker=check.optional("Marker", shortest=1, longest=320, pattern="[\u0020-\u00ff]+"),
        most=check.number("MaxItems", smallest=1, largest=1_000, default=DEFAULT),
    )


def cut(
    items: Sequence[_Item], page: Page, *, of: str, vault: Vault
) -> tuple[Sequence[_Item], dict[str, object]]:
    """Give one page of a list and the members that say whether more follows; refuses a mark of another list."""
    begin = 0
    if page.marker is not None:
        mark = vault.open(_PURPOSE, page.marker)
        if mark is None or mark["of"] != of:
            raise validation_error("Invalid Marker.", "iam.marker")
        begin = int(mark["at"])
    end = begin + page.most
    if end >= len(items):
        return items[begin:end], {"IsTruncated": False}
    return items[begin:end], {"IsTruncated": True, "Marker": vault.seal(_PURPOSE, {"of": of, "at": end})}
