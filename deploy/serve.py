"""The site's web server: granian with the limits that Drawbridge wants; `python -m deploy.serve --help`.

The application is loaded here first, so that its start-up checks run once, before anything listens: a
dangerous setting ends this process non-zero, with the reasons.
"""

import argparse
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

APPLICATION = "idp.project.wsgi"
# Threads share what is made once per process: keys, compiled rules, directory and database connections.
THREADS = 8
# The longest that granian allows: a thread that ends takes its database connection with it.
THREAD_KEPT_SECONDS = 600
HEADERS_WITHIN_MILLISECONDS = 10_000
# In-flight requests may end before a worker is stopped for good.
DRAIN_SECONDS = 30
LARGEST_PORT = 65_535
CALLS_AT_ONCE = "DRAWBRIDGE_DIRECTORY_CALLS_AT_ONCE"
MOST_CALLS_AT_ONCE = 64
# Read by prometheus_client when it is imported, so it must stand before the application is.
COUNTERS = "PROMETHEUS_MULTIPROC_DIR"


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until a signal; with `--check` only say whether the site would start."""
    wanted = parser().parse_args(arguments)
    leave_threads_for_other_pages(wanted.threads)
    with counters_of_all_workers():
        serve(wanted)


def serve(wanted: argparse.Namespace) -> None:
    """Load the application, which runs the start-up checks, and serve it."""
    import_module(APPLICATION)
    if wanted.check:
        return
    host, port = wanted.bind
    Granian(
        f"{APPLICATION}:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN_MILLISECONDS),
        websockets=False,
        workers=wanted.workers,
        blocking_threads=wanted.threads,
        blocking_threads_idle_timeout=THREAD_KEPT_SECONDS,
        respawn_failed_workers=True,
        workers_kill_timeout=wanted.drain,
        # No request's line is logged: addresses may carry names. The site logs what happened, one JSON line each.
        log_access=False,
        log_level=LogLevels.warning,
        ssl_cert=wanted.certificate,
        ssl_key=wanted.key,
    ).serve()


@contextmanager
def counters_of_all_workers() -> Iterator[None]:
    """Whichever worker is asked for the counters tells those of all: they share a folder, made anew at each start."""
    if COUNTERS in os.environ:
        yield
        return
    with TemporaryDirectory(prefix="drawbridge-counters-", ignore_cleanup_errors=True) as folder:
        os.environ[COUNTERS] = folder
        yield


def leave_threads_for_other_pages(threads: int) -> None:
    """Fewer threads may wait for a directory at once than there are: half of them, unless a setting says it."""
    if not os.environ.keys() & {CALLS_AT_ONCE, f"{CALLS_AT_ONCE}_FILE"}:
        os.environ[CALLS_AT_ONCE] = str(min(max(1, threads // 2), MOST_CALLS_AT_ONCE))


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    described = argparse.ArgumentParser(prog="python -m deploy.serve", description="Serve the site.")
    described.add_argument("--bind", type=address, default=("127.0.0.1", 8000), help="HOST:PORT to listen on")
    described.add_argument("--workers", type=int, default=multiprocessing.cpu_count(), help="processes")
    described.add_argument("--threads", type=int, default=THREADS, help="threads of each process")
    described.add_argument(
        "--drain", type=int, default=DRAIN_SECONDS, help="seconds for requests to end at a stop"
    )
    described.add_argument("--certificate", type=Path, help="TLS certificate, where no proxy does TLS")
    described.add_argument("--key", type=Path, help="the certificate's private key")
    described.add_argument("--check", action="store_true", help="load the site, run its checks, and end")
    return described


def address(text: str) -> tuple[str, int]:
    """HOST:PORT as its parts."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


if __name__ == "__main__":
    main()
