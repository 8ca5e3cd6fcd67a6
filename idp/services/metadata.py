"""Our metadata as bytes, and as a file."""

import os
import tempfile
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path

from idp.conf.saml import saml_config
from idp.domain.self_description import SelfDescription
from idp.saml.keys import KeyRing, signing_keys
from idp.saml.metadata import build_metadata, sign_metadata

# Long enough to live through a holiday without us, short enough that nobody believes a stolen copy for ever.
VALID_FOR = timedelta(days=15)
REFRESH_AFTER = timedelta(hours=6)


def our_metadata() -> bytes:
    """The metadata with the certificates that are published now; made once for each state of the keys.

    Asks no database. Is Unavailable where there is no key.
    """
    config = saml_config()
    return _metadata_of(signing_keys(), config.entity_id, config.base_url, config.description)


def signed_metadata(*, now: datetime) -> bytes:
    """Our metadata for those who fetch it: signed by the key that signs statements, with an end some days ahead.

    Made once a day for each state of the keys. Is Unavailable where there is no key.
    """
    config = saml_config()
    today = datetime.combine(now.astimezone(UTC).date(), time(), tzinfo=UTC)
    return _signed_metadata_of(
        signing_keys(), config.entity_id, config.base_url, config.description, today + VALID_FOR
    )


def write_metadata(out: Path) -> int:
    """The file holds our metadata, for everybody to read; it appears whole or stays as it was. Gives its length.

    Is Unavailable where there is no key; raises OSError where the file cannot be written.
    """
    document = our_metadata()
    with tempfile.NamedTemporaryFile(dir=out.parent, prefix=f".{out.name}.", delete=False) as aside:
        try:
            aside.write(document)
            aside.flush()
            os.fchmod(aside.fileno(), 0o644)
            os.fsync(aside.fileno())
            Path(aside.name).replace(out)
        except BaseException:
            Path(aside.name).unlink(missing_ok=True)
            raise
    return len(document)


@lru_cache(maxsize=1)
def _signed_metadata_of(
    ring: KeyRing, entity_id: str, base_url: str, description: SelfDescription, valid_until: datetime
) -> bytes:
    return sign_metadata(
        _metadata_of(ring, entity_id, base_url, description),
        signer=ring.current,
        valid_until=valid_until,
        refresh_after=REFRESH_AFTER,
    )


@lru_cache(maxsize=1)
def _metadata_of(ring: KeyRing, entity_id: str, base_url: str, description: SelfDescription) -> bytes:
    return build_metadata(
        entity_id=entity_id,
        base_url=base_url,
        certificates=ring.published_certificates,
        description=description,
    )
