"""What a directory says of passwords: when wrong ones lock an account, and what a new one must be like.

And our own budget of wrong passwords, which stays below that: the directory never sees the last one.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache

# Where a directory forgets no wrong password until the right one comes, we forget after so long.
NEVER_FORGOTTEN = timedelta(days=30)

# By so much later than the directory do we forget: its clock is another one.
MARGIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Lockout:
    """So many wrong passwords (`threshold`, 0 for any number) lock the account `lasts` long, None for good.

    One is forgotten `window` after it, or after the last one, whichever the directory does; None is never.
    """

    threshold: int
    window: timedelta | None
    lasts: timedelta | None = None


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """What a new password must be like, as far as the directory lets us read it."""

    shortest: int = 0
    remembered: int = 0
    complex: bool = False
    youngest: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """Both, as they hold for one account; `is_read` is false where the directory shows nothing of it."""

    lockout: Lockout
    rules: PasswordRules = field(default_factory=PasswordRules)
    is_read: bool = True


@dataclass(frozen=True, slots=True)
class Budget:
    """How many wrong passwords one person's account may see within `window` after the last of them.

    Strangers have `tries`, browsers that the person has signed in with `known_tries`, in which those are
    counted too. Whatever was tried elsewhere counts as well: nobody tries further when the directory has
    seen `seen`, or `known_seen` of a known browser; None where that does not matter.
    """

    tries: int
    known_tries: int
    window: timedelta
    seen: int | None = None
    known_seen: int | None = None


@lru_cache(maxsize=256)
def budget(lockout: Lockout, *, tries: int, reserve: int, window: timedelta) -> Budget:
    """The budget below this threshold: at most `tries` for strangers and `reserve` more for known browsers.

    Something is kept for known browsers as long as the threshold leaves two wrong passwords below it.
    """
    longest = max(window, NEVER_FORGOTTEN if lockout.window is None else lockout.window)
    if not lockout.threshold:
        return Budget(tries, tries + reserve, window)
    below = max(1, lockout.threshold - 1)
    kept = 0 if below == 1 else min(reserve, max(1, below // 3))
    strangers = min(tries, below - kept)
    return Budget(
        tries=strangers,
        known_tries=min(strangers + reserve, below),
        window=longest + MARGIN,
        seen=below - kept,
        known_seen=below,
    )


def strictest(lockouts: list[Lockout]) -> Lockout:
    """What keeps clear of all of these: the lowest threshold, the longest memory, the longest lock."""
    locking = [lockout for lockout in lockouts if lockout.threshold]
    if not locking:
        return lockouts[0]
    windows = [lockout.window for lockout in locking]
    locks = [lockout.lasts for lockout in locking]
    return Lockout(
        threshold=min(lockout.threshold for lockout in locking),
        window=None if None in windows else max(window for window in windows if window is not None),
        lasts=None if None in locks else max(lasts for lasts in locks if lasts is not None),
    )
