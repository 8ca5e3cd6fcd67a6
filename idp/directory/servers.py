"""The servers of one directory: which of them are to be asked, in which order, and how each one does."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from idp.directory.breaker import Breaker
from idp.directory.deadline import Deadline
from idp.directory.port import ServerAnswer

# After a failure a server stands behind the others for this long, so that nobody is sent to and fro.
PROBATION = 60.0
COMPLAINT_EVERY = 60.0
# A domain may have dozens of controllers: a process asks the nearest how they do, not all of them.
MOST_PROBED_AT_ONCE = 6
NOT_ASKED_YET = "not asked yet"

Attempt = Callable[["Server"], None]


class Server:
    """One server, its breaker, and what was last seen of it."""

    def __init__(self, uri: str) -> None:
        """Nothing is known of it yet."""
        self.uri = uri
        self.breaker = Breaker()
        self.problem = ""
        self._complain_from = 0.0
        self.round_trip: float | None = None
        self._failed_at = -float("inf")

    @property
    def is_on_probation(self) -> bool:
        """Whether it has failed not long since: others that have not go first."""
        return time.monotonic() - self._failed_at < PROBATION

    def answered(self) -> None:
        """It is well."""
        self.breaker.answered()
        self.problem = ""

    def failed(self, cause: str) -> None:
        """It could not be reached, or sent us away."""
        self._is_not_well(cause)
        self.breaker.failed()

    def stalled(self, cause: str, *, since: float) -> None:
        """It kept us waiting from that moment on."""
        self._is_not_well(cause)
        self.breaker.stalled(since=since)

    def refused_our_bind(self, cause: str) -> None:
        """It does not take our service account."""
        self._is_not_well(cause)
        self.breaker.refused_our_bind()

    def says(self, problem: str) -> None:
        """It answers; the problem is not that it is gone."""
        self.answered()
        self.problem = problem

    def may_be_complained_of(self) -> bool:
        """Whether it is time to raise the alarm about it: once in a while, not at every try."""
        now = time.monotonic()
        if now < self._complain_from:
            return False
        self._complain_from = now + COMPLAINT_EVERY
        return True

    def as_it_was(self) -> ServerAnswer:
        """How it did when it was last asked; who has never answered is not taken to be well."""
        problem = self.problem or ("" if self.breaker.has_answered else NOT_ASKED_YET)
        milliseconds = None if problem or self.round_trip is None else self.round_trip * 1000
        return ServerAnswer(self.uri, problem, milliseconds, self.breaker.state.value)

    def _is_not_well(self, cause: str) -> None:
        self.problem = cause
        self._failed_at = time.monotonic()


class Servers:
    """All servers of one directory; those that are shut off are tried by one prober each, in the background."""

    def __init__(
        self, uris: Callable[[], tuple[str, ...]], attempt: Attempt, *, changed: Callable[[], None]
    ) -> None:
        """`uris` tells where they are, as often as it is asked; `attempt` asks one of them how it does.

        `changed` hears of it when they are others than before.
        """
        self._uris = uris
        self._attempt = attempt
        self._changed = changed
        self.begin_anew()

    def begin_anew(self) -> None:
        """No probe is under way: its thread stayed behind in the process that we were forked from."""
        self._lock = threading.Lock()
        self._known: dict[str, Server] = {}
        self._all: tuple[Server, ...] = ()
        self._named: tuple[str, ...] = ()
        self._probe_ended = threading.Condition()

    def all(self) -> tuple[Server, ...]:
        """Every server, in the order in which it was named or found."""
        uris = self._uris()
        if uris != self._named:
            with self._lock:
                self._known = {uri: self._known.get(uri) or Server(uri) for uri in uris}
                self._all, self._named = tuple(self._known.values()), uris
            self._changed()
        return self._all

    def why_none_is_in_use(self) -> str:
        """What was last said by each server, or that there is none."""
        said = "; ".join(f"{server.uri}: left alone after {server.problem}" for server in self._all)
        return said or "no server is named"

    def in_use(self) -> list[Server]:
        """Those that may be asked: in their order, but who has failed not long since stands behind."""
        servers = self.all()
        for server in servers:
            if not server.breaker.is_closed:
                self._probe(server)
        return sorted(
            (server for server in servers if server.breaker.is_closed),
            key=lambda server: server.is_on_probation,
        )

    def wait_for_one(self, deadline: Deadline) -> list[Server]:
        """Those that may be asked, as soon as a probe that is under way has found one; else none, in time."""
        with self._probe_ended:
            self._probe_ended.wait_for(
                lambda: (
                    any(server.breaker.is_closed for server in self._all)
                    or not any(server.breaker.is_probed for server in self._all)
                ),
                deadline.remaining(),
            )
        return self.in_use()

    def measure(self, deadline: Deadline) -> tuple[ServerAnswer, ...]:
        """How the first servers answer just now, and how the others did last; who has not in time is silent."""
        began = time.monotonic()
        servers = self.all()
        # Whoever is being probed for somebody else is waited for as well.
        # Those that may be well go first: the silent ones keep a probe for seconds.
        by_hope = sorted(servers, key=lambda server: not server.breaker.is_closed)
        asked = [server for server in by_hope if self._probe(server) or server.breaker.is_probed]
        with self._probe_ended:
            self._probe_ended.wait_for(
                lambda: not any(server.breaker.is_probed for server in asked), deadline.remaining()
            )
        return tuple(
            replace(
                server.as_it_was(), problem=f"silent for {time.monotonic() - began:.1f} s", milliseconds=None
            )
            if server in asked and server.breaker.is_probed
            else server.as_it_was()
            for server in servers
        )

    def _probe(self, server: Server) -> bool:
        if sum(one.breaker.is_probed for one in self._all) >= MOST_PROBED_AT_ONCE:
            return False
        if not server.breaker.claim_probe():
            return False
        threading.Thread(target=self._probe_now, args=(server,), name="directory-probe", daemon=True).start()
        return True

    def _probe_now(self, server: Server) -> None:
        try:
            self._attempt(server)
        finally:
            server.breaker.probe_ended()
            with self._probe_ended:
                self._probe_ended.notify_all()
