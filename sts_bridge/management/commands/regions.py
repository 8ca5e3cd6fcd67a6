"""`manage.py regions`: how AWS's regions are, probed now; take one out of use, or into it again."""

import getpass
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.services.regions import BOTH, Endpoint, known_regions, switch_region
from sts_bridge.conf import bridge_config
from sts_bridge.services.health import partitions_in_use
from sts_bridge.services.regions import probe_regions, probe_sign_ins


class Command(BaseCommand):
    help = (
        "Ask STS and the sign-in in every configured region and show which are in use; `off REGION` takes one out of"
        " use until `on REGION`. Running processes follow within seconds."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["show", "off", "on"], nargs="?", default="show")
        parser.add_argument("region", nargs="?", default="")
        parser.add_argument(
            "--only", choices=[one.value for one in Endpoint], help="switch this endpoint of the region alone"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_: Any, **options: Any) -> None:
        verb, region, now = options["verb"], options["region"], timezone.now()
        if verb != "show":
            config = bridge_config()
            # What is configured no more may still be off: it comes back by the same way.
            switched = known_regions() if verb == "on" else ()
            if region not in {*config.sts_regions, *config.signin_regions, *switched}:
                raise CommandError(
                    f"{region or 'Nothing'} is not among DRAWBRIDGE_STS_REGION and DRAWBRIDGE_SIGNIN_REGIONS."
                )
            of = (Endpoint(options["only"]),) if options["only"] else BOTH
            switch_region(region, off=verb == "off", by=getpass.getuser(), now=now, of=of)
            what = f"{options['only']} of {region}" if options["only"] else region
            self.stdout.write(f"{what} is {'not used any more' if verb == 'off' else 'used again'}.")
            return
        probed = (
            (Endpoint.STS, probe_regions(partitions=partitions_in_use(), now=now)),
            (Endpoint.SIGN_IN, probe_sign_ins(partitions=partitions_in_use(), now=now)),
        )
        known = known_regions()
        rows = [
            {"region": name, "of": of, "problem": problem, "switched_off_by": known[name][of].switched_off_by}
            for of, found in probed
            for name, problem in found.items()
        ]
        if options["json"]:
            self.stdout.write(json.dumps({"regions": rows}, indent=2))
            return
        for row in rows:
            off = f"  switched off by {row['switched_off_by']}" if row["switched_off_by"] else ""
            self.stdout.write(f"{row['region']}  {row['of']}  {row['problem'] or 'answers'}{off}")
