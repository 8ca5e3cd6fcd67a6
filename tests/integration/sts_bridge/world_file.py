"""The smallest world that the local AWS starts with."""

import base64
import os
from typing import Any


def empty_world() -> dict[str, Any]:
    """No account at all."""
    return {
        "sealing_key": base64.b64encode(os.urandom(32)).decode(),
        "sign_in_urls": ["http://127.0.0.1:8010/saml"],
        "accounts": [],
        "saml_providers": [],
        "roles": [],
    }
