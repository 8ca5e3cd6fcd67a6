"""AWS's query protocol: a form or a query string in, XML documents out, refusals too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from sts_bridge.local_aws.errors import AwsError

STS: Final = "2011-06-15"
IAM: Final = "2010-05-08"
LARGEST_BODY: Final = 400_000  # a statement of full length, percent-encoded throughout, and a session policy

LARGEST_DOCUMENT: Final = 31_000_000  # metadata of full length, percent-encoded throughout

_NAMESPACES = {STS: f"https://sts.amazonaws.com/doc/{STS}/", IAM: f"https://iam.amazonaws.com/doc/{IAM}/"}
_MOST_PARAMETERS = 400
_ENDPOINT = re.compile(r"sts(?:-fips)?\.(?P<region>[a-z]{2,5}(?:-[a-z]+)+-[0-9])\.", re.ASCII)
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

MEDIA_TYPE: Final = "text/xml"


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it arrived, and the parameters read from it."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    request_id: str
    parameters: Mapping[str, str] = field(repr=False)
    client: str = "127.0.0.1"
    is_secure: bool = False

    @property
    def version(self) -> str:
        """The version of the interface that the call names, which tells the service."""
        return self.parameters.get("Version", "")

    @property
    def endpoint_region(self) -> str | None:
        """The region whose endpoint an unsigned call was sent to, or nothing where the name says none."""
        found = _ENDPOINT.match("".join(self.header("host")))
        return found["region"] if found else None

    def header(self, name: str) -> tuple[str, ...]:
        """Give every value that a header has in this request."""
        return tuple(value for known, value in self.headers if known == name)


def read_parameters(text: bytes | str) -> dict[str, str]:
    """Give the parameters of a form or query string; refuses what is unreadable and what is there twice."""
    try:
        raw = text if isinstance(text, str) else text.decode("ascii")
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise _malformed("query.malformed") from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise _malformed("query.duplicate_parameter")
    return parameters


def success_document(
    operation: str, members: Mapping[str, object] | None, request_id: str, version: str = STS
) -> str:
    """Give the answer of an operation; a member that is None is left out, and so is a result of nothing."""
    result = "" if members is None else f"<{operation}Result>{_write(members)}</{operation}Result>"
    return (
        f'<{operation}Response xmlns="{_NAMESPACES[version]}">{result}'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    )


def error_document(error: AwsError, request_id: str, version: str = STS) -> str:
    """Give a refusal in the form that every AWS client can read; what `encoded` holds, STS can decode."""
    sender = "Receiver" if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "Sender"
    members = {
        "Type": sender,
        "Code": error.code,
        "Message": error.message,
        "EncodedAuthorizationMessage": error.encoded,
    }
    namespace = _NAMESPACES.get(version, _NAMESPACES[STS])
    return (
        f'<ErrorResponse xmlns="{namespace}"><Error>{_write(members)}</Error>'
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )


def _write(members: Mapping[str, object]) -> str:
    return "".join(
        f"<{name}>{_value(value)}</{name}>" for name, value in members.items() if value is not None
    )


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return _write(value)
    if isinstance(value, list):
        return "".join(f"<member>{_value(member)}</member>" for member in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return _text(value)


def _text(value: object) -> str:
    return escape(_NOT_IN_XML.sub("?", str(value)))


def _malformed(reason: str) -> AwsError:
    return AwsError(
        "MalformedQueryString",
        "The query string contains a syntax error.",
        status=HTTPStatus.NOT_FOUND,
        reason=reason,
    )
