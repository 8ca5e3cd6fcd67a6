"""Providers of SAML and of OpenID Connect as the world file writes them."""

import base64
import hashlib
import ipaddress
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from sts_bridge.local_aws.arns import read_issuer_arn, read_provider_arn
from sts_bridge.local_aws.errors import WorldError
from sts_bridge.local_aws.statements.metadata import read_metadata
from sts_bridge.local_aws.world.model import Account, OidcProvider, SamlProvider, read_text
from sts_bridge.local_aws.world.nodes import Node
from sts_bridge.local_aws.world.things import read_moment

Accounts = Mapping[tuple[str, str], Account]

_SAML_KEYS = ("arn", "metadata", "metadata_file", "created_at")
_OIDC_KEYS = ("arn", "url", "client_ids", "ca_file")
_MOST_CLIENTS = 100


def read_provider(entry: Node, folder: Path, accounts: Accounts) -> SamlProvider:
    """Give one SAML provider, with its metadata from here or from a file of its own."""
    entry.hold_to(_SAML_KEYS)
    arn = read_provider_arn(str(entry.value.get("arn")))
    if arn is None or arn.home not in accounts:
        raise entry.refuse(
            f"saml_providers: {entry.value.get('arn')!r} is no SAML provider of a listed account", "arn"
        )
    text, name = entry.value.get("metadata"), entry.value.get("metadata_file")
    if isinstance(text, str) == isinstance(name, str):
        raise entry.refuse(f"saml_providers: {arn.text} needs either metadata or metadata_file")
    path = None if isinstance(text, str) else folder / str(name)
    try:
        document = read_text(path) if path else str(text)
        provider = SamlProvider(
            arn=arn,
            text=document,
            identity=read_metadata(document),
            unique_id=unique_id(arn.text),
            created_at=read_moment(entry, "created_at"),
            file=path,
        )
        provider.mark_seen()
    except (OSError, ValueError, WorldError) as problem:
        where = "metadata_file" if path else "metadata"
        raise entry.refuse(f"saml_providers: {arn.text}: {problem}", where) from problem
    return provider


def read_oidc_provider(entry: Node, folder: Path, accounts: Accounts) -> OidcProvider:
    """Give one issuer of web identity tokens; plain http is taken from this machine only."""
    entry.hold_to(_OIDC_KEYS)
    arn = read_issuer_arn(str(entry.value.get("arn")))
    if arn is None or arn.home not in accounts:
        raise entry.refuse(
            f"oidc_providers: {entry.value.get('arn')!r} is no OpenID Connect provider of a listed account",
            "arn",
        )
    url, clients = entry.text("url"), entry.texts("client_ids")
    if not may_be_asked(url):
        raise entry.refuse("an issuer's url must be https, or http on this machine, and nothing more", "url")
    if arn.name != url.partition("://")[2]:
        raise entry.refuse(f"oidc_providers: {arn.text} must end with the issuer's address", "url")
    if not 1 <= len(clients) <= _MOST_CLIENTS:
        raise entry.refuse("client_ids must name one to a hundred clients", "client_ids")
    trusted = folder / entry.text("ca_file") if "ca_file" in entry.value else None
    if trusted is not None and not trusted.is_file():
        raise entry.refuse(f"there is no file {trusted}", "ca_file")
    return OidcProvider(arn=arn, url=url, client_ids=clients, ca_file=trusted)


def unique_id(text: str) -> str:
    """Give the unique identifier that IAM shows for a provider; here it follows from the name and the moment."""
    return "SAMLSP" + base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:18].replace("=", "A")


def may_be_asked(url: str) -> bool:
    """Tell whether an issuer may be asked at this address: by https, or by http on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.query or parts.fragment or parts.username or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
