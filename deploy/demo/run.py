"""What `make demo` runs: a directory, Redis, the site with worker and timetable, and the local AWS; until Ctrl-C."""

import argparse
import fcntl
import http.client
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis as redis_client
import yaml

from deploy.demo import company
from deploy.demo.parts import DemoError, Parts, StopAskedError
from deploy.demo.places import (
    BROKER_KEY_ID,
    ENDER_ROLE,
    GOVERNMENT_KEY_ID,
    MAPPING,
    READER_ROLE,
    ROOT,
    Places,
    check_port_is_free,
    inherited_environment,
    is_listening,
    places_of_environment,
    site_environment,
    write_private,
)
from deploy.demo.prepare import outstanding_steps, remember
from deploy.demo.ready import write_ready_file
from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd
from deploy.demo.world import Broker, world

OK = 200
PYTHON = (sys.executable, "-m")
WORTH_MEETING = (
    ("jane", "leads the payments team: roles in three accounts, by several ways"),
    ("maria", "leads the platform team, administers Drawbridge with her own password"),
    ("kenji", "two roles, by groups of groups"),
    ("juergen", "Müller-Lüdenscheidt, Jürgen: audits, and sees the bill"),
    ("bob", "an intern in a group that gives no role"),
    ("eve", "has left: her account is disabled"),
    ("mallory", "may create groups elsewhere, which gives nothing"),
)


def main() -> int:
    """Everything runs until somebody asks for the stop; then nothing does."""
    reader = argparse.ArgumentParser(prog="make demo", description=__doc__)
    reader.add_argument("--dir", type=Path, default=ROOT / ".demo", help="where everything lies")
    reader.add_argument(
        "--end-with-starter", action="store_true", help="stop when whoever started this is gone"
    )
    options = reader.parse_args()
    parts = Parts()
    parts.listen_to_signals(end_with_starter=options.end_with_starter)
    try:
        places = places_of_environment(options.dir)
        places.lay_out()
        with alone_in(places), stopped_in_the_end(parts, places):
            start(parts, places)
            parts.watch()
    except StopAskedError:
        say("Stopped; nothing is left running.")
        return 0
    except (DemoError, OSError, RuntimeError) as problem:
        sys.stderr.write(f"\nThe demo cannot go on: {problem}\n")
        return 1
    return 0


def say(text: str) -> None:
    """The person in front of the demo reads this now."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def alone_in(places: Places) -> Iterator[None]:
    """No other demo uses this folder meanwhile."""
    with (places.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError(f"another demo already runs in {places.folder}; stop that one first.") from error
        yield


@contextmanager
def stopped_in_the_end(parts: Parts, places: Places) -> Iterator[None]:
    """However it ends, the ready file goes first and then every program."""
    places.ready_file.unlink(missing_ok=True)
    try:
        yield
    finally:
        places.ready_file.unlink(missing_ok=True)
        parts.stop()


def start(parts: Parts, places: Places) -> None:
    """Everything answers, the ready file stands, and the person knows where to go."""
    began = time.monotonic()
    check_port_is_free("DEMO_PORT", places.port)
    check_port_is_free("DEMO_AWS_PORT", places.aws_port)
    slapd = Slapd(places.folder / "slapd", ldif=company.ldif())
    redis = RedisServer(places.folder / "redis")
    parts.adopt("the directory (slapd)", slapd.start().process, slapd.folder / "log")
    parts.adopt("Redis", redis.start().process, redis.folder / "log")
    env = site_environment(places, slapd, redis)
    prepare(parts, places, env)
    write_world(places)
    site, worker, _ = (
        parts.start(name, command, env=env, log=places.log(name.split()[1]))
        for name, command in programs(places).items()
    )
    aws_command: list[str | Path] = [*PYTHON, "sts_bridge.local_aws", "--world", places.world_file]
    aws_command += ["--port", str(places.aws_port)]
    # An outsider: it gets none of the site's variables.
    aws = parts.start("the local AWS", aws_command, env=inherited_environment(), log=places.log("aws"))
    parts.wait_for(aws, lambda: is_listening("127.0.0.1", places.aws_port))
    parts.wait_for(site, lambda: site_is_ready(places))
    with redis_client.Redis.from_url(redis.url) as broker:
        parts.wait_for(worker, lambda: worker_is_waiting(broker))
    write_ready_file(places)
    greet(places, time.monotonic() - began)


def programs(places: Places) -> dict[str, list[str | Path]]:
    """The site, its worker and its timetable."""
    celery = [*PYTHON, "celery", "--app", "idp.project.celery"]
    return {
        "the site (granian)": [
            *PYTHON, "deploy.serve", "--bind", f"127.0.0.1:{places.port}",
            "--workers", "1", "--threads", "8", "--drain", "3",
        ],
        "the worker (Celery)": [
            *celery, "worker", "--concurrency", "1", "--without-gossip", "--without-mingle",
            "--loglevel", "warning",
        ],
        "the timetable (Celery)": [
            *celery, "beat", "--pidfile", "", "--loglevel", "warning", "--schedule", places.folder / "timetable",
        ],
    }  # fmt: skip


def prepare(parts: Parts, places: Places, env: dict[str, str]) -> None:
    """Tables, key, static files, rules, the administrator and our metadata are there."""
    steps = outstanding_steps(places)
    if not steps:
        return
    say(f"Preparing: {', '.join(steps)} ...")
    command: list[str | Path] = [*PYTHON, "deploy.demo.prepare", places.folder, *steps]
    try:
        parts.finish(parts.start("the preparation", command, env=env, log=places.log("preparation")))
    except DemoError as problem:
        hint = "If an older version has made this folder, `make demo-clean` gives a new beginning."
        raise DemoError(f"{problem}\n{hint}") from problem
    remember(places)


def write_world(places: Places) -> None:
    """The local AWS knows the accounts and roles of the mapping, and our metadata."""
    made = world(
        mapping=yaml.safe_load(MAPPING.read_text(encoding="utf-8")),
        metadata_file=places.metadata_file,
        aws_url=places.aws,
        entity_id=places.entity_id,
        sealing_key=bytes.fromhex(places.secret("sealing", octets=32).read_text()),
        broker=Broker(
            key_id=BROKER_KEY_ID,
            secret=places.secret("broker", octets=20).read_text(),
            government_key_id=GOVERNMENT_KEY_ID,
            government_secret=places.secret("broker_government", octets=20).read_text(),
            external_ids=json.loads(places.external_ids_file.read_text()),
            ender_role=ENDER_ROLE,
            reader_role=READER_ROLE,
        ),
    )
    write_private(places.world_file, json.dumps(made, indent=2))


def site_is_ready(places: Places) -> bool:
    """Whether the site says that all it depends on is well."""
    connection = http.client.HTTPConnection("127.0.0.1", places.port, timeout=5)
    try:
        connection.request("GET", "/health/ready", headers={"Host": f"localhost:{places.port}"})
        return connection.getresponse().status == OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def worker_is_waiting(broker: "redis_client.Redis") -> bool:
    """Whether somebody waits for messages at the broker."""
    return any(str(client["cmd"]).lower() == "brpop" for client in broker.client_list())


def greet(places: Places, seconds: float) -> None:
    """The person knows where to go and as whom."""
    admin = json.loads(places.admin_file.read_text())
    lines = [
        "",
        f"Drawbridge is ready after {seconds:.1f} s.",
        "",
        f"  Portal      {places.portal}",
        f"  Local AWS   {places.aws}",
        f"  Admin       {places.portal}/admin/  as {admin['username']} with {admin['password']}",
        "",
        "  Sign in as  with            who",
        *(f"  {name:<11} {company.password_of(name):<15} {note}" for name, note in WORTH_MEETING),
        "",
        f"  Everybody else, and what they must see: {places.ready_file}",
        "  In another terminal: make smoke.  Here: Ctrl-C stops everything.",
    ]
    say("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
