"""A console address from credentials, by AWS's federation endpoint.

IAM User Guide, "Enable custom identity broker access to the AWS console".
"""

import json
from typing import Any
from urllib.parse import urlencode

from botocore.awsrequest import AWSRequest
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from sts_bridge.aws.clients import said
from sts_bridge.aws.deadlines import answered_within, read_all
from sts_bridge.conf import BridgeConfig
from sts_bridge.domain.credentials import Secret, TemporaryCredentials
from sts_bridge.domain.errors import AwsUnavailable, ConsoleNotOpened

OK, BAD_REQUEST, SERVER_ERROR = 200, 400, 500
MOST_OCTETS = 65_536


def console_address(
    credentials: TemporaryCredentials,
    *,
    endpoint: str,
    destination: str,
    issuer: str,
    config: BridgeConfig,
) -> Secret:
    """An address that opens the console for as long as the credentials last; whoever has it is in, so it is a secret.

    The credentials go in the body, so that no address of ours ever holds them. Refuses where AWS refuses the
    credentials, and is Unavailable where it does not answer.
    """
    session = json.dumps(
        {
            "sessionId": credentials.access_key_id,
            "sessionKey": credentials.secret_access_key.reveal(),
            "sessionToken": credentials.session_token.reveal(),
        }
    )
    answer = _post(endpoint, {"Action": "getSigninToken", "SessionType": "json", "Session": session}, config)
    try:
        token = json.loads(answer)["SigninToken"]
    except (ValueError, KeyError, TypeError):
        raise AwsUnavailable("the federation endpoint answered without a sign-in token") from None
    if not isinstance(token, str) or not token:
        raise AwsUnavailable("the federation endpoint answered with an empty sign-in token")
    query = urlencode({"Action": "login", "Issuer": issuer, "Destination": destination, "SigninToken": token})
    return Secret(f"{endpoint}?{query}")


def _post(endpoint: str, form: dict[str, str], config: BridgeConfig) -> bytes:
    request = AWSRequest(
        method="POST",
        url=endpoint,
        data=urlencode(form),
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        stream_output=True,
    )
    http: Any = URLLib3Session(
        timeout=(config.connect_seconds, config.read_seconds), proxies=get_environ_proxies(endpoint)
    )
    try:
        with answered_within(config.connect_seconds + config.read_seconds):
            response = http.send(request.prepare())
            content = read_all(response, most=MOST_OCTETS)
    except HTTPClientError as error:
        raise AwsUnavailable(said(error)) from None
    finally:
        http.close()
    if response.status_code == OK:
        return content
    cause = f"the federation endpoint answered {response.status_code} to getSigninToken"
    if BAD_REQUEST <= response.status_code < SERVER_ERROR:
        raise ConsoleNotOpened(cause)
    raise AwsUnavailable(cause)
