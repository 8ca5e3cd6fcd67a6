"""Our metadata as bytes."""

from functools import lru_cache

from idp.conf import saml_config
from idp.saml.keys import KeyRing, signing_keys
from idp.saml.metadata import build_metadata


def our_metadata() -> bytes:
    """The metadata with the certificates that are published now; made once for each state of the keys.

    Asks no database. Is Unavailable where there is no key.
    """
    config = saml_config()
    return _metadata_of(signing_keys(), config.entity_id, config.base_url)


@lru_cache(maxsize=1)
def _metadata_of(ring: KeyRing, entity_id: str, base_url: str) -> bytes:
    return build_metadata(entity_id=entity_id, base_url=base_url, certificates=ring.published_certificates)
