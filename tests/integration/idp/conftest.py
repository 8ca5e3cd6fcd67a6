"""What several rooms' tests need."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from idp.conf.saml import saml_config


@pytest.fixture
def key_dir(tmp_path: Path) -> Iterator[Path]:
    """The configured folder of keys, empty and not made yet."""
    with override_settings(DRAWBRIDGE_KEY_DIR=str(tmp_path / "keys")):
        saml_config.cache_clear()
        yield tmp_path / "keys"
    saml_config.cache_clear()
