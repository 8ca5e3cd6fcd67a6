"""A whole answer within a time: libraries count the silence between two packets only, and a drip has none.

Whatever a question is asked over is noted while it is asked, and cut off when its time is up.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.exceptions import HTTPClientError
from botocore.response import StreamingBody


class TookTooLongError(HTTPClientError):  # type: ignore[misc] # the library is untyped
    """The answer was not whole when its time was up."""

    fmt = "no whole answer within {seconds:.1f} s"


class TooMuchError(HTTPClientError):  # type: ignore[misc] # likewise
    """The answer is longer than any that we wait for."""

    fmt = "an answer of more than {octets} octets"


class _Watch:
    """The connections of one question, and whether its time is up."""

    def __init__(self) -> None:
        """None yet."""
        self._noted: list[socket.socket] = []
        self._lock = threading.Lock()
        self.is_over = False

    def note(self, connected: Any) -> None:
        """This one too is cut off at the end; a second handle of it, because TLS takes the first one over."""
        handle = socket.socket(fileno=os.dup(connected.fileno()))
        with self._lock:
            self._noted.append(handle)
            if self.is_over:
                _shut(handle)

    def end(self) -> None:
        """Time is up: whoever reads finds the end."""
        with self._lock:
            self.is_over = True
            for handle in self._noted:
                _shut(handle)

    def forget(self) -> None:
        """Nothing is cut off any more."""
        with self._lock:
            for handle in self._noted:
                handle.close()
            self._noted.clear()


_watch: ContextVar[_Watch | None] = ContextVar("_watch", default=None)


@contextmanager
def answered_within(seconds: float) -> Iterator[None]:
    """What is asked inside has its whole answer within so many seconds, or raises `TookTooLongError`."""
    watch = _Watch()
    token = _watch.set(watch)
    timer = threading.Timer(seconds, watch.end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception:
        if not watch.is_over:
            raise
    finally:
        timer.cancel()
        _watch.reset(token)
        watch.forget()
    # What was cut off may look like an answer that ended.
    if watch.is_over:
        raise TookTooLongError(seconds=seconds)


def read_all(response: Any, *, most: int) -> bytes:
    """The body of an answer that was asked for as a stream; raises `TooMuchError` where it is longer."""
    stream = StreamingBody(response.raw, content_length=None)
    try:
        body: bytes = stream.read(most + 1)
    finally:
        stream.close()
    if len(body) > most:
        raise TooMuchError(octets=most)
    return body


def _note(connected: Any) -> None:
    watch = _watch.get()
    if watch is not None and connected is not None:
        watch.note(connected)


def _shut(handle: socket.socket) -> None:
    try:
        handle.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Watched:
    """A connection that is noted when it is made, and again for each question that it is kept for."""

    def _new_conn(self) -> Any:
        made = super()._new_conn()  # type: ignore[misc] # urllib3's own step, before TLS begins
        _note(made)
        return made

    def request(self, *arguments: Any, **options: Any) -> Any:
        _note(getattr(self, "sock", None))
        return super().request(*arguments, **options)  # type: ignore[misc] # as above


class _PlainConnection(_Watched, AWSHTTPConnection):  # type: ignore[misc] # the library is untyped
    """Without TLS."""


class _EncryptedConnection(_Watched, AWSHTTPSConnection):  # type: ignore[misc] # likewise
    """With TLS."""


# botocore makes its connections by these classes and has no setting for others.
AWSHTTPConnectionPool.ConnectionCls = _PlainConnection
AWSHTTPSConnectionPool.ConnectionCls = _EncryptedConnection
