"""The public side of AWS as an issuer: a discovery document and the keys, for whoever verifies its tokens."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.web_identity.outbound import ALGORITHMS, issuer_of, issues_tokens, outbound_key


class Issuer:
    """What stands below the address of an account's issuer."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm

    async def discovery(self, request: Request) -> Response:
        """Give the document that leads to the keys."""
        account = request.path_params["account"]
        if not issues_tokens(account, self._realm.world):
            return _nothing()
        issuer = issuer_of(account, self._realm.world)
        return JSONResponse(
            {
                "issuer": issuer,
                "jwks_uri": f"{issuer}/jwks",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": list(ALGORITHMS),
            }
        )

    async def keys(self, request: Request) -> Response:
        """Give the keys."""
        if not issues_tokens(request.path_params["account"], self._realm.world):
            return _nothing()
        state = self._realm.state
        return JSONResponse({"keys": [outbound_key(name, state).published() for name in ALGORITHMS]})


def _nothing() -> Response:
    return JSONResponse({"message": "There is nothing here."}, status_code=HTTPStatus.NOT_FOUND)
