"""The unit: CPU time of one bare RSA-2048 signature by `cryptography`, the key parsed once."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
MESSAGE = b"a SignedInfo of about four hundred octets".ljust(400)


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
    key = rsa.generate_private_key(65537, bits)
    pkcs1, sha256 = padding.PKCS1v15(), hashes.SHA256()
    return cpu_seconds_of(lambda: key.sign(MESSAGE, pkcs1, sha256), times=times)


def children_of(pid: int) -> list[int]:
    """The processes that this one has started."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return found


def cpu_seconds_of_processes(pids: list[int]) -> float:
    """CPU time (user and system) that these processes have used so far, threads included."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / CLOCK_TICKS


def resident_megabytes(pid: int) -> float:
    """Resident memory of this process, in MB (10^6 octets)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"process {pid} has no resident memory")
