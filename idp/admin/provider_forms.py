"""Forms of service providers: what is saved has been a value of the domain before."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from django import forms
from django.db import models

from idp.admin.changed_meanwhile import ComparedForm
from idp.domain.errors import Malformed, Refused, Unavailable
from idp.domain.provider_kind import ProviderKind
from idp.models import ServiceProvider
from idp.services.provider_changes import check_row, fill_row
from idp.services.provider_metadata import MetadataSource, new_row, pasted
from idp.services.provider_text import (
    acs_lines,
    acs_of_lines,
    attribute_line,
    attributes_of_lines,
    certificates_of_text,
    groups_of_lines,
    logout_lines,
    logout_of_lines,
)
from idp.services.service_provider_rows import (
    acs_entry,
    attribute_entry,
    fields_of,
    logout_entry,
    provider_of_row,
)

# What writes a column, and where a refusal of the domain is shown, when the form calls the field otherwise.
FORM_NAMES = {
    "acs": "acs_text",
    "logout": "logout_text",
    "attributes": "attributes_text",
    "groups": "groups_text",
    "signing_certificates": "certificates_text",
}


def lines(label: str, help_text: str, rows: int = 3) -> forms.CharField:
    """A field of lines."""
    return forms.CharField(
        label=label,
        required=False,
        max_length=60_000,
        help_text=help_text,
        widget=forms.Textarea(
            attrs={"rows": rows, "cols": 100, "class": "vLargeTextField", "spellcheck": "false"}
        ),
    )


class ProviderForm(ComparedForm):
    """One service provider; its lists are lines of text."""

    written_by = FORM_NAMES

    acs_text = lines(
        "Assertion consumer services",
        "One https address a line. An index may stand in front, the word default behind.",
    )
    logout_text = lines("Single logout services", "post=ADDRESS or redirect=ADDRESS, one a line.", 2)
    attributes_text = lines(
        "Attributes",
        "NAME=SOURCE, one a line; then ;FORMAT;FRIENDLY NAME;WHEN if wanted. A source is person:FACT (username, "
        "display-name, mail, immutable-id, group-names, group-dns, group-ids), directory:ATTRIBUTE, made:subject-id, "
        "made:pairwise-id or constant:TEXT. Without WHEN it is always sent; otherwise if the metadata says that it "
        "is requested, required, or entity:NAME=VALUE.",
        6,
    )
    groups_text = lines("Groups", "Whose members may use it: distinguished names or identifiers, one a line.")
    certificates_text = lines(
        "Signing certificates", "Those that sign its requests; PEM, one after the other.", 4
    )

    class Meta:
        """Everything but what the form makes itself."""

        model = ServiceProvider
        fields = (
            "entity_id", "name", "kind", "enabled", "name_id_format", "name_id_source", "omit_name_id",
            "for_everyone", "want_signed_requests", "encrypt_assertions", "encryption_certificate",
            "encryption_scheme", "signature_algorithm", "sign_response", "sign_assertion",
            "session_seconds", "default_relay_state", "note", "metadata_url", "metadata_certificate",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The lists of the row stand in the fields as lines."""
        super().__init__(*args, **kwargs)
        if self.instance.pk is None:
            return
        try:
            provider = provider_of_row(self.instance)
        except Malformed:
            # A row that somebody wrote past every check: its lists begin anew.
            return
        self.initial.update(
            {
                "acs_text": acs_lines(provider),
                "logout_text": logout_lines(provider),
                "attributes_text": "\n".join(map(attribute_line, provider.attributes)),
                "groups_text": "\n".join(group.dn or group.group_id for group in provider.groups),
                "certificates_text": "\n".join(provider.signing_certificates),
            }
        )

    def values_of(self, row: models.Model) -> Mapping[str, object]:
        """Lists in their full form: a row may have been written with less."""
        values = super().values_of(row)
        try:
            return {**values, **fields_of(provider_of_row(cast("ServiceProvider", row)))}
        except Malformed:
            return values

    def clean(self) -> dict[str, Any]:
        """The lists of the row as the lines say; each refusal stands beside its field."""
        cleaned = super().clean() or self.cleaned_data
        agreed = _agreed(self.instance)
        self._take("acs", "acs_text", lambda text: [acs_entry(one) for one in acs_of_lines(text)])
        self._take("logout", "logout_text", lambda text: [logout_entry(one) for one in logout_of_lines(text)])
        self._take(
            "attributes",
            "attributes_text",
            lambda text: [attribute_entry(one) for one in attributes_of_lines(text, agreed=agreed[0])],
        )
        self._take(
            "groups",
            "groups_text",
            lambda text: [
                {"id": group.group_id, "dn": group.dn} for group in groups_of_lines(text, agreed=agreed[1])
            ],
        )
        self._take("signing_certificates", "certificates_text", lambda text: list(certificates_of_text(text)))
        self._take_certificate()
        return cleaned

    def _take(self, column: str, field: str, read: Callable[[str], list[Any]]) -> None:
        if field not in self.cleaned_data:
            return
        try:
            setattr(self.instance, column, read(str(self.cleaned_data[field])))
        except Refused as refusal:
            self.add_error(field, refusal.told)
        except Unavailable as problem:
            self.add_error(field, f"{problem.told} The provider was not saved.")

    def _take_certificate(self) -> None:
        text = str(self.cleaned_data.get("encryption_certificate") or "")
        try:
            found = certificates_of_text(text)
        except Malformed as refusal:
            self.add_error("encryption_certificate", refusal.told)
            return
        if len(found) > 1:
            self.add_error("encryption_certificate", "One certificate is enough.")
        self.cleaned_data["encryption_certificate"] = found[0] if found else ""

    def _post_clean(self) -> None:
        """The row is filled by now: what it says must be a provider that can be served."""
        super()._post_clean()
        if self.errors:
            return
        try:
            check_row(self.instance)
        except Refused as refusal:
            named = getattr(refusal, "field", "")
            field = FORM_NAMES.get(named, named)
            self.add_error(field if field in self.fields else None, refusal.told)


def _agreed(row: ServiceProvider) -> tuple[Any, Any]:
    try:
        provider = provider_of_row(row)
    except Malformed:
        return (), ()
    return provider.attributes, provider.groups


class ImportForm(forms.Form):
    """Metadata as a file, a paste, or an address; what comes of it is a provider that is still switched off."""

    file = forms.FileField(required=False, help_text="A file with the service's metadata.")
    paste = lines("Or pasted", "The metadata itself.", 8)
    url = forms.CharField(
        label="Or its address",
        required=False,
        max_length=2_048,
        widget=forms.TextInput(attrs={"class": "vLargeTextField"}),
        help_text="https; it is read again on the timetable, so that new keys and addresses come by themselves.",
    )
    certificate = lines(
        "Pinned certificate",
        "PEM. With it only metadata is taken that the key of this certificate has signed.",
        4,
    )
    entity_id = forms.CharField(
        label="Entity ID",
        required=False,
        max_length=1_024,
        widget=forms.TextInput(attrs={"class": "vLargeTextField"}),
        help_text="Only where the metadata describes several services.",
    )
    name = forms.CharField(required=False, max_length=100, help_text="What people call it.")
    identity_center = forms.BooleanField(
        label="This is IAM Identity Center",
        required=False,
        help_text="Told by the entity ID in most cases; mark it where it is not.",
    )

    def clean(self) -> dict[str, Any]:
        """The row that the metadata describes, in `row`; refuses what cannot be read, believed or used."""
        cleaned = super().clean() or self.cleaned_data
        given = [cleaned.get(name) for name in ("file", "paste", "url")]
        if sum(map(bool, given)) != 1:
            raise forms.ValidationError("Give a file, a paste, or an address: one of the three.")
        try:
            cleaned["row"] = self._row(cleaned)
        except Refused as refusal:
            raise forms.ValidationError(refusal.told, code=refusal.code) from refusal
        return cleaned

    def _row(self, cleaned: dict[str, Any]) -> ServiceProvider:
        file, paste = cleaned.get("file"), str(cleaned.get("paste") or "")
        source = pasted(paste) if paste else MetadataSource(document=file.read() if file else b"")
        source = replace(
            source,
            url=str(cleaned.get("url") or ""),
            certificate=str(cleaned.get("certificate") or "").strip(),
        )
        kind = ProviderKind.IDENTITY_CENTER if cleaned.get("identity_center") else None
        row = new_row(
            source,
            now=datetime.now(UTC),
            entity_id=str(cleaned.get("entity_id") or ""),
            kind=kind,
            name=str(cleaned.get("name") or ""),
        )
        check_row(fill_row(row, provider_of_row(row)))
        if ServiceProvider.objects.filter(entity_id=row.entity_id).exists():
            raise Malformed(
                "known", sentence=f"{row.entity_id} is there already: change it, or remove it first."
            )
        return row
