"""A new key in a token, made by a process of its own: some tokens take half a minute, and we sign meanwhile.

The library of a token has one session and one thread in this process. Whatever makes a key there would keep every
signature waiting beyond its two seconds.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from idp.conf.saml import TokenConfig
from idp.saml.key_files import PublicKey
from idp.saml.token import Token, TokenUnavailable

MOST_SECONDS: Final = 90
UNAVAILABLE: Final = 3


def made_apart(config: TokenConfig, *, bits: int, label: str, curve: bool) -> PublicKey:
    """The public part of a new key in the token; is Unavailable where the token does not make one in time."""
    asked = {"token": asdict(config), "bits": bits, "label": label, "curve": curve}
    try:
        run = subprocess.run(  # noqa: S603 - this file, by this interpreter; what it is asked stands on no command line
            [sys.executable, "-m", __name__],
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=MOST_SECONDS,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TokenUnavailable("the token did not make a key in time") from error
    if run.returncode == UNAVAILABLE:
        raise TokenUnavailable(run.stderr.decode(errors="replace").strip()[-200:])
    if run.returncode:
        raise TokenUnavailable(f"the process that makes a key in the token ended with {run.returncode}")
    return load_der_public_key(run.stdout)  # type: ignore[return-value] # what it makes is RSA, or on a curve


def main() -> None:
    """Make the key that standard input asks for; its public part goes to standard output."""
    asked = json.load(sys.stdin)
    token = Token(TokenConfig(**asked["token"]))
    try:
        public = token.make_key(asked["bits"], asked["label"], curve=asked["curve"])
    except TokenUnavailable as problem:
        sys.stderr.write(problem.cause)
        sys.exit(UNAVAILABLE)
    sys.stdout.buffer.write(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


if __name__ == "__main__":
    main()
