"""Credentials as people and programs take them: lines for each shell, a profile block, a process's JSON.

Sources: AWS CLI User Guide "Environment variables" and "Configuration and credential file settings"; AWS
SDKs and Tools Reference Guide "Process credential provider". What comes out opens a role: show it, never
keep it.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from idp.domain.aws.arn import RoleArn
from sts_bridge.domain.credentials import TemporaryCredentials

# PowerShell reads typographic quotes as quotes (language specification, 2.3.5.2).
powershell_quotes = re.compile("['\N{LEFT SINGLE QUOTATION MARK}-\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}]")


@dataclass(frozen=True, slots=True, repr=False)
class WrittenCredentials:
    """One set of credentials in every form that the page shows."""

    bash: str
    fish: str
    powershell: str
    profile: str

    def __repr__(self) -> str:
        return "WrittenCredentials(…)"


def write_credentials(credentials: TemporaryCredentials, role: RoleArn) -> WrittenCredentials:
    """Every form of these credentials of this role."""
    return WrittenCredentials(
        bash=bash_lines(credentials),
        fish=fish_lines(credentials),
        powershell=powershell_lines(credentials),
        profile=profile_block(credentials, name=f"{role.account}-{role.name}"),
    )


def bash_lines(credentials: TemporaryCredentials) -> str:
    """Lines for bash, zsh and every POSIX shell (XCU 2.2.2: nothing is special between single quotes)."""
    return _lines(credentials, "export {name}={value}", quoted_for_posix)


def fish_lines(credentials: TemporaryCredentials) -> str:
    """Lines for fish, exported to every program of this session."""
    return _lines(credentials, "set -gx {name} {value}", quoted_for_fish)


def powershell_lines(credentials: TemporaryCredentials) -> str:
    """Lines for PowerShell."""
    return _lines(credentials, "$Env:{name} = {value}", quoted_for_powershell)


def _lines(credentials: TemporaryCredentials, form: str, quoted: Callable[[str], str]) -> str:
    values = {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key.reveal(),
        "AWS_SESSION_TOKEN": credentials.session_token.reveal(),
        "AWS_CREDENTIAL_EXPIRATION": iso_moment(credentials.expires_at),
    }
    return "".join(form.format(name=name, value=quoted(value)) + "\n" for name, value in values.items())


def quoted_for_posix(text: str) -> str:
    """The text between single quotes; a quote in it ends them, stands escaped, and begins them again."""
    return "'" + text.replace("'", "'\\''") + "'"


def quoted_for_fish(text: str) -> str:
    r"""The text between single quotes, where fish reads only \' and \\ ."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted_for_powershell(text: str) -> str:
    """The text between single quotes; every kind of single quote in it is doubled."""
    return "'" + powershell_quotes.sub(lambda quote: quote.group() * 2, text) + "'"


def profile_block(credentials: TemporaryCredentials, *, name: str) -> str:
    """A block for ~/.aws/credentials; every value is one word, as `TemporaryCredentials` guarantees."""
    return (
        f"[{name}]\n"
        f"aws_access_key_id = {credentials.access_key_id}\n"
        f"aws_secret_access_key = {credentials.secret_access_key.reveal()}\n"
        f"aws_session_token = {credentials.session_token.reveal()}\n"
    )


def process_json(credentials: TemporaryCredentials, role: RoleArn) -> str:
    """What a `credential_process` prints (version 1)."""
    return json.dumps(
        {
            "Version": 1,
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key.reveal(),
            "SessionToken": credentials.session_token.reveal(),
            "Expiration": iso_moment(credentials.expires_at),
            "AccountId": role.account,
        }
    )


def iso_moment(moment: datetime) -> str:
    """The moment as AWS writes it: ISO 8601, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
