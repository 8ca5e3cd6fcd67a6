"""What is wrong with a server's certificate, in words: libldap refuses it and does not say why."""

import socket
import ssl
from urllib.parse import urlsplit

from idp.conf import DirectoryConfig

# RFC 4511 section 4.14.1: the extended request StartTLS as message 1.
STARTTLS = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
LONGEST_ANSWER = 4_096
PORTS = {"ldap": 389, "ldaps": 636}


def certificate_problem(uri: str, config: DirectoryConfig, *, seconds: float) -> str:
    """Why this server's certificate is not believed; empty where it is, or where it cannot be seen.

    Nothing but the handshake is sent. The answer is for the operator only: it lets nobody in.
    """
    parts = urlsplit(uri)
    host = parts.hostname or ""
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_connection((host, parts.port or PORTS[parts.scheme]), timeout=seconds) as plain:
            if parts.scheme == "ldap":
                plain.sendall(STARTTLS)
                plain.recv(LONGEST_ANSWER)
            with context.wrap_socket(plain, server_hostname=host):
                return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (OSError, ValueError, KeyError):
        return ""
