"""The SAML providers as they are now: the world's, and what calls of IAM have made of them and beside them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sts_bridge.local_aws.arns import Arn, read_provider_arn
from sts_bridge.local_aws.state import State
from sts_bridge.local_aws.statements.metadata import read_metadata
from sts_bridge.local_aws.world.model import SamlProvider
from sts_bridge.local_aws.world.providers import unique_id


@dataclass(slots=True)
class SamlRegistry:
    """Finds providers; one that a call has written is parsed again only when it was written again."""

    registered: Mapping[str, SamlProvider]
    state: State
    _parsed: dict[str, tuple[bytes, SamlProvider]] = field(default_factory=dict)

    def find(self, arn: str) -> SamlProvider | None:
        """Give a provider, or nothing if it does not exist."""
        rows = self.state.rows("SELECT * FROM saml_provider WHERE arn = ?", arn)
        return self._provider(rows[0]) if rows else self.registered.get(arn)

    def of_account(self, partition: str, account: str) -> list[SamlProvider]:
        """Give every provider of an account, in the order of their names."""
        written = [self._provider(row) for row in self.state.rows("SELECT * FROM saml_provider")]
        found = dict(self.registered) | {provider.arn.text: provider for provider in written}
        mine = [provider for provider in found.values() if provider.arn.home == (partition, account)]
        return sorted(mine, key=lambda provider: provider.arn.text)

    def write(
        self, arn: str, metadata: str, *, encryption: str | None, tags: Mapping[str, str], now: datetime
    ) -> None:
        """The provider is what is said here; one that was there keeps its identifier and its age."""
        known = self.find(arn)
        self.state.rows(
            "INSERT OR REPLACE INTO saml_provider VALUES (?, ?, ?, ?, ?, ?)",
            arn,
            metadata,
            known.unique_id if known else unique_id(f"{arn} {now.isoformat()}"),
            (known.created_at if known else now).timestamp(),
            encryption,
            json.dumps(dict(tags)),
        )

    def private_keys(self, arn: str) -> list[tuple[str, datetime]]:
        """Give the keys that are kept for a provider's encrypted statements, the newest first."""
        rows = self.state.rows(
            "SELECT id, added FROM private_key WHERE provider = ? ORDER BY added DESC", arn
        )
        return [(number, datetime.fromtimestamp(added, UTC)) for number, added in rows]

    def add_private_key(self, number: str, arn: str, pem: str, now: datetime) -> None:
        """One key more is kept."""
        self.state.rows("INSERT INTO private_key VALUES (?, ?, ?, ?)", number, arn, pem, now.timestamp())

    def remove_private_key(self, number: str) -> None:
        """One key less is kept."""
        self.state.rows("DELETE FROM private_key WHERE id = ?", number)

    def _provider(self, row: tuple[str, str, str, float, str | None, str]) -> SamlProvider:
        text, metadata, number, created, encryption, tags = row
        digest = hashlib.sha256(repr(row).encode()).digest()
        kept = self._parsed.get(text)
        if kept is not None and kept[0] == digest:
            return kept[1]
        provider = SamlProvider(
            arn=_known(text),
            text=metadata,
            identity=read_metadata(metadata),
            unique_id=number,
            created_at=datetime.fromtimestamp(created, UTC),
            encryption=encryption,
            tags=json.loads(tags),
        )
        self._parsed[text] = digest, provider
        return provider


def _known(text: str) -> Arn:
    arn = read_provider_arn(text)
    if arn is None:
        raise ValueError(f"the state file holds {text!r}, which names no provider")
    return arn
