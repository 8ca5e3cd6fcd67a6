"""What to do about an LDAP result: for the operator who reads it, by the name of the setting that is meant."""

import re
from dataclasses import dataclass

import ldap

from idp.conf.directories import DirectoryConfig

# RFC 4511, appendix A; libldap's own results are negative.
RESULTS = {
    kind.__name__: int(kind.errnum)
    for kind in vars(ldap).values()
    if isinstance(kind, type) and issubclass(kind, ldap.LDAPError) and hasattr(kind, "errnum")
}
word_of_result = re.compile(r"\b[A-Z][A-Z_]{2,}\b", re.ASCII)

CREDENTIALS = (
    "The server does not take the service account's name and password: set {BIND_DN} to its full distinguished"
    " name and {BIND_PASSWORD} to its password, and see that the account is neither locked nor expired."
)
CERTIFICATE = (
    "The server's certificate is not believed, or nothing answers there: {CA_FILE} must name the authority that"
    " issued it, the host in {URI} must stand in it as it is written there, and it must not have expired."
)
LIMIT = (
    "The server stops before the answer is complete. Raise its limits for the service account (OpenLDAP: `limits"
    " dn.exact=... size=unlimited time=unlimited`; Active Directory: MaxPageSize and MaxQueryDuration), or name a"
    " narrower {place}."
)
ADVICE = {
    "INVALID_CREDENTIALS": CREDENTIALS,
    "INAPPROPRIATE_AUTH": CREDENTIALS,
    "INVALID_DN_SYNTAX": "This is no distinguished name: look at {BIND_DN} and {place}.",
    "NO_SUCH_OBJECT": "There is no entry of this name, or the service account may not see it: look at {place}.",
    "FILTER_ERROR": "This is no LDAP filter (RFC 4515): look at the brackets of {place}.",
    "SERVER_DOWN": CERTIFICATE,
    "CONNECT_ERROR": CERTIFICATE,
    "PROTOCOL_ERROR": "The server offers no StartTLS: use ldaps:// in {URI}, or switch TLS on at the server.",
    "UNAVAILABLE": "The server is not ready for this, or offers no StartTLS: use ldaps:// in {URI}.",
    "STRONG_AUTH_REQUIRED": "The server takes no passwords in clear text: use ldaps:// in {URI}, or {STARTTLS}=true.",
    "CONFIDENTIALITY_REQUIRED": (
        "The server takes no passwords in clear text: use ldaps:// in {URI}, or {STARTTLS}=true."
    ),
    "SIZELIMIT_EXCEEDED": LIMIT,
    "ADMINLIMIT_EXCEEDED": LIMIT,
    "TIMELIMIT_EXCEEDED": LIMIT,
    "TIMEOUT": "The server accepts connections and says nothing: look at its load, and at what lies between.",
    "INSUFFICIENT_ACCESS": "The service account may not do this: give it the right to read below {place}.",
    "UNWILLING_TO_PERFORM": "The server refuses; its own log says why.",
    "REFERRAL": "The server refers elsewhere for this, and we follow nowhere: look at {place}.",
    "BUSY": "The server has too much to do: name more servers in {URI}.",
}
NOT_TOLD = "The cause above is all that the server says."


@dataclass(frozen=True, slots=True)
class Advice:
    """The result by its name and number, empty where none was given, and what to do about it."""

    result: str
    todo: str


def advice_on(cause: str, config: DirectoryConfig, *, setting: str, todo: str = "") -> Advice:
    """What to do about this cause, in which a result of LDAP may be named; `setting` is the one it most likely means.

    `todo` is what to do where no result is named.
    """
    named = next((word for word in word_of_result.findall(cause) if word in RESULTS), "")
    result = f"{named} ({RESULTS[named]})" if named else ""
    text = ADVICE.get(named, NOT_TOLD) if named else todo or NOT_TOLD
    names = ("URI", "BIND_DN", "BIND_PASSWORD", "CA_FILE", "STARTTLS")
    variables = {name: config.variable(name) for name in names}
    return Advice(result, text.format(place=config.variable(setting), **variables))
