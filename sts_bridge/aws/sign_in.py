"""Whether a sign-in address of AWS answers, asked as any browser would: without statement and credentials."""

from typing import Any

from botocore.awsrequest import AWSRequest
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from sts_bridge.aws.clients import said
from sts_bridge.aws.deadlines import answered_within
from sts_bridge.conf import BridgeConfig
from sts_bridge.domain.errors import AwsUnavailable

SERVER_ERROR = 500


def ask_sign_in(address: str, config: BridgeConfig) -> None:
    """Somebody answers there; a refusal of so empty a request is an answer, an error of the server is none.

    Is Unavailable where nobody does, or not within the limits; no redirect is followed and no page is read.
    """
    http: Any = URLLib3Session(
        timeout=(config.connect_seconds, config.read_seconds), proxies=get_environ_proxies(address)
    )
    request = AWSRequest(method="GET", url=address, stream_output=True)
    try:
        with answered_within(config.connect_seconds + config.read_seconds):
            response = http.send(request.prepare())
            response.raw.close()
    except HTTPClientError as error:
        raise AwsUnavailable(said(error)) from None
    finally:
        http.close()
    status: int = response.status_code
    if status >= SERVER_ERROR:
        raise AwsUnavailable(f"the sign-in address answered {status}")
