"""The unit: CPU time of one bare RSA-2048 signature by `cryptography`, the key parsed once; what processes use."""

import functools
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

MESSAGE = b"a SignedInfo of about four hundred octets".ljust(400)
KIB_IN_MB = 1_024 / 1e6


def cpu_seconds_of(operation: Callable[[], object], *, times: int) -> float:
    """CPU time of this process (user and system) for one operation, warmed up first."""
    for _ in range(max(1, times // 20)):
        operation()
    before = time.process_time()
    for _ in range(times):
        operation()
    return (time.process_time() - before) / times


def bare_signature(bits: int = 2048, *, times: int = 2_000) -> float:
    """CPU seconds of one bare signature."""
    pkcs1, sha256 = padding.PKCS1v15(), hashes.SHA256()
    return cpu_seconds_of(lambda: _key(bits).sign(MESSAGE, pkcs1, sha256), times=times)


@functools.cache
def _key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def children_of(pid: int) -> list[int]:
    """The processes that this one has started."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return found


def cpu_seconds_of_processes(pids: Iterable[int]) -> float:
    """CPU time (user and system) that these processes have used so far, threads included, to the microsecond."""
    return sum(time.clock_gettime(_cpu_clock(pid)) for pid in pids)


def _cpu_clock(pid: int) -> int:
    """The number of this process's CPU clock, made as clock_getcpuclockid(3) does on Linux; Python lacks the call."""
    return (~pid << 3) | 2


def resident_megabytes(pid: int) -> float:
    """Resident memory of this process, in MB (10^6 octets)."""
    return _megabytes(Path(f"/proc/{pid}/status"), "VmRSS:")


def proportional_megabytes(pid: int) -> float | None:
    """Its share of memory: what several processes share is counted once among them; None where nobody may read it."""
    try:
        return _megabytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")
    except OSError:
        return None


def _megabytes(file: Path, name: str) -> float:
    for line in file.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * KIB_IN_MB
    raise RuntimeError(f"{file} does not tell {name}")
