"""Static files under names with their hash; each file's address is worked out once a process."""

from functools import cache

from whitenoise.storage import CompressedManifestStaticFilesStorage


class RememberedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # whitenoise publishes no types
    """Every page names a handful of files, and their addresses change with a release only."""

    @cache  # noqa: B019 - there is one storage for the life of the process
    def url(self, name: str, force: bool = False) -> str:  # noqa: FBT001, FBT002 - Django's protocol
        """The address of this file."""
        return str(super().url(name, force))
