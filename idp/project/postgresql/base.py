"""Whether a kept connection still stands is read off its socket: no statement of its own before every request."""

import select

from django.db.backends.postgresql.base import DatabaseWrapper as DjangosWrapper


class DatabaseWrapper(DjangosWrapper):
    """Django's own but for `is_usable`, which every request asks before its first statement."""

    def is_usable(self) -> bool:
        """Whether the server is there, as far as anybody knows; it is asked where there is a doubt.

        A server that has ended a connection has closed it, so that there is something to read. Whoever has vanished
        without a word would not answer a question either, and is given up with the statement itself (`env`).
        """
        if self.connection is None or self.connection.closed:
            return False
        return (not self.errors_occurred and is_quiet(self.connection.fileno())) or super().is_usable()


def is_quiet(descriptor: int) -> bool:
    """Whether nothing has come on this socket, neither data nor its end."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return not poll.poll(0)
