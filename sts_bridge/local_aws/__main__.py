"""Start the local AWS: `python -m sts_bridge.local_aws --world FILE --port N`."""

import argparse
import json
import logging
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from sts_bridge.local_aws.doors.protocol import QueryProtocol
from sts_bridge.local_aws.errors import WorldError
from sts_bridge.local_aws.journal import ServerLines
from sts_bridge.local_aws.realm import Realm, realm_of
from sts_bridge.local_aws.server import application
from sts_bridge.local_aws.state import State
from sts_bridge.local_aws.world.load import load_world

_CANNOT_START = 2


class _AnnouncingServer(uvicorn.Server):
    """Tells on standard output when it answers, in one line that a program can read."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then say where."""
        await super().startup(sockets)
        host, port = (sockets or [])[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(json.dumps({"event": "listening", "url": f"http://{shown}:{port}"}) + "\n")
        sys.stdout.flush()


def main() -> int:
    """Serve until told to stop; ends with 2 and one sentence where it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m sts_bridge.local_aws", description="The local AWS.")
    parser.add_argument(
        "--world", type=Path, required=True, help="JSON file with accounts, providers and roles"
    )
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--strict-replay", action="store_true", help="take every statement only once")
    parser.add_argument(
        "--state", type=Path, help="SQLite file for what calls change; without it that ends with the process"
    )
    options = parser.parse_args()
    try:
        world = load_world(options.world, strict_replay=options.strict_replay)
        realm = realm_of(world, State(options.state))
        listener = _listen(options.host, options.port)
    except WorldError as problem:
        sys.stderr.write(f"local aws: {problem}\n")
        return _CANNOT_START
    _serve(realm, listener)
    realm.state.close()
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay off only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as problem:
        listener.close()
        raise WorldError(f"cannot listen on {host} port {port}: {problem}") from problem
    return listener


def _serve(realm: Realm, listener: socket.socket) -> None:
    # The server raises the signal again once it has stopped; unhandled it would look like a failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    logging.basicConfig(handlers=[ServerLines()], level=logging.WARNING)
    config = uvicorn.Config(
        application(realm),
        http=QueryProtocol,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )
    with listener:
        _AnnouncingServer(config).run(sockets=[listener])


if __name__ == "__main__":
    sys.exit(main())
