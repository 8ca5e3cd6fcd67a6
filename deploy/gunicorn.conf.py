"""gunicorn as Drawbridge runs under it; every value may be overridden on the command line."""

import gc
import multiprocessing
from typing import Any

# Threads share what is made once per process: keys, compiled rules, directory connections.
worker_class = "gthread"
workers = multiprocessing.cpu_count()
threads = 8
bind = "127.0.0.1:8000"

# Behind a proxy on the same machine; the site itself decides whose word about the client counts.
forwarded_allow_ips = "127.0.0.1,::1"
keepalive = 75
timeout = 30
graceful_timeout = 30
limit_request_line = 8_190
limit_request_fields = 60
limit_request_field_size = 16_384

# No request's line is logged: addresses may carry names. The site logs what happened, one JSON line each.
accesslog = None
errorlog = "-"
loglevel = "warning"
preload_app = False
# A heartbeat file in memory: a slow disk must not look like a dead worker.
worker_tmp_dir = "/dev/shm"


def post_worker_init(_worker: Any) -> None:
    """What the start has made stays for good: the collector need not walk it again."""
    gc.collect()
    gc.freeze()
