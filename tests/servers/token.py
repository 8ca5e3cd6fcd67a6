"""A PKCS#11 token of software for the tests: SoftHSM, in a folder of its own."""

import os
import subprocess
from pathlib import Path

from idp.conf.saml import TokenConfig

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
LABEL = "drawbridge-test"
PIN = "4321"


def make_token(folder: Path) -> TokenConfig:
    """A fresh token; SoftHSM finds it by its configuration, which this process names from here on."""
    tokens = folder / "tokens"
    tokens.mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", PIN],
        check=True,
        capture_output=True,
    )
    return TokenConfig(MODULE, LABEL, PIN)
