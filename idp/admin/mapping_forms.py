"""Forms of accounts, roles and rules: what is saved has been a value of the domain before."""

from typing import Any

from django import forms
from django.db import models

from idp.admin.changed_meanwhile import ComparedForm
from idp.admin.group_field import GroupSelect, chosen_group
from idp.conf.access import access_config
from idp.conf.saml import saml_config
from idp.domain.aws.arn import RoleArn
from idp.domain.aws.duration import UnlawfulLength
from idp.domain.aws.role import MalformedRole, Road
from idp.domain.errors import Malformed
from idp.domain.groups import same_dn
from idp.domain.re2_patterns import MalformedRule
from idp.models import Account, MappingVersion, Role, Rule
from idp.services.mapping_rows import role_of_row, rule_of_row
from idp.services.token_issuers import workload_issuers

# What a rule calls a field, and what the form calls it.
FORM_NAMES = {
    "group_id": "group",
    "group_dn": "group",
    "workload.issuer": "workload_issuer",
    "workload.subject": "workload_subject",
    "workload.claims": "claims",
    "workload_claims": "claims",
}


class MappingForm(ComparedForm):
    """A row of the mapping: whoever changes another one, or imports a file, waits until this one is saved."""

    def hold(self) -> models.Model | None:
        """The row as it is now; the version comes first, as in every other change of the mapping."""
        MappingVersion.objects.select_for_update().filter(pk=1).first()
        return super().hold()


class AccountForm(MappingForm):
    """One account, of a partition that is on, reached through no hub but one that the operator allows."""

    class Meta:
        """Nobody chooses an ExternalId."""

        model = Account
        fields = ("number", "name", "environment", "colour", "partition", "provider", "hub")

    def _post_clean(self) -> None:
        """The row is filled by now, also with what this form may not change."""
        super()._post_clean()
        limits = access_config().accounts
        if problem := limits.partition_problem(self.instance.partition):
            self.add_error("partition" if "partition" in self.fields else None, sentence_of(problem))
        if not self.instance.hub:
            return
        try:
            problem = limits.hub_problem(RoleArn.parse(self.instance.hub))
        except Malformed as refusal:
            self.add_error("hub", refusal.told)
            return
        if problem:
            self.add_error("hub", sentence_of(problem))


def sentence_of(problem: str) -> str:
    """The problem as a sentence of its own."""
    return f"{problem[0].upper()}{problem[1:]}."


class RoleForm(MappingForm):
    """One role; tags are chosen from those that the settings allow."""

    tags = forms.MultipleChoiceField(
        label="session tags",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="The role's trust policy must allow sts:TagSession, or every sign-in to it fails.",
    )
    transitive_tags = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Those of the tags that survive when a role takes a further role.",
    )

    class Meta:
        """Everything but what the form makes itself."""

        model = Role
        fields = (
            "account", "path", "name", "longest_seconds", "road", "policies", "source_identity", "tags",
            "transitive_tags",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The allow-listed tags are the choices."""
        super().__init__(*args, **kwargs)
        choices = [(key, f"{key} (from {source})") for key, source in saml_config().tag_sources.items()]
        for name in ("tags", "transitive_tags"):
            field = self.fields.get(name)
            if isinstance(field, forms.MultipleChoiceField):
                field.choices = choices

    def _post_clean(self) -> None:
        """The row is filled by now: what it says must be a role that can be given."""
        super()._post_clean()
        if self.errors:
            return
        try:
            role_of_row(self.instance)
        except UnlawfulLength as refusal:
            self.add_error("longest_seconds", refusal.told)
        except MalformedRole as refusal:
            self.add_error(refusal.field if refusal.field in self.fields else None, refusal.told)
        except Malformed as refusal:
            self.add_error(None, refusal.told)


class RuleForm(MappingForm):
    """One rule: a group, found or named by hand, or a pattern under a base, or workloads."""

    written_by = FORM_NAMES

    group = forms.CharField(
        label="group",
        required=False,
        max_length=100,
        widget=GroupSelect,
        help_text="For an exact rule. Its immutable identifier is kept, so that a rename changes nothing.",
    )
    group_by_hand = forms.CharField(
        label="or the group by hand",
        required=False,
        max_length=1_000,
        widget=forms.TextInput(attrs={"class": "vLargeTextField"}),
        help_text="A distinguished name or an identifier; counts instead of the group above.",
    )

    workload_issuer = forms.ChoiceField(
        label="Issuer",
        required=False,
        help_text="Those of the operator's file whose tokens speak of workloads.",
    )
    claims = forms.CharField(
        required=False,
        max_length=6_000,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 80}),
        help_text="One a line: the claim, =, and an RE2 pattern for the whole value. A permission must name the owner"
        r" as plain text, such as <code>repository_owner_id=1234567</code>, or"
        r" <code>sub=repo:acme/payments:environment:(staging|production)</code>.",
    )

    class Meta:
        """Identifier and name of the group come from the directory, never from the form."""

        model = Rule
        fields = (
            "name", "effect", "pattern", "base", "workload_issuer", "workload_subject", "role", "account",
            "role_name", "duration_seconds", "starts_at", "ends_at", "enabled", "note",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The group that the rule has is shown by its name."""
        super().__init__(*args, **kwargs)
        field = self.fields.get("group")
        if self.instance.group_id and field is not None:
            self.initial["group"] = self.instance.group_id
            if isinstance(field.widget, GroupSelect):
                field.widget.shown = self.instance.group_dn
        issuer, claims = self.fields.get("workload_issuer"), self.instance.workload_claims
        self.initial["claims"] = "\n".join(f"{name}={pattern}" for name, pattern in sorted(claims.items()))
        if isinstance(issuer, forms.ChoiceField):
            # One that the file has no more is kept until somebody chooses another.
            known = {*workload_issuers(), self.instance.workload_issuer} - {""}
            issuer.choices = [("", "---------"), *((url, url) for url in sorted(known))]

    def clean(self) -> dict[str, Any]:
        """The group as the directory knows it; asked only where it is not the one that the rule has already."""
        cleaned = super().clean() or self.cleaned_data
        by_hand = str(cleaned.get("group_by_hand") or "").strip()
        wanted = by_hand or str(cleaned.get("group") or "").strip()
        if not wanted:
            self.instance.group_id = self.instance.group_dn = ""
        elif wanted != self.instance.group_id and not self._is_the_same(wanted):
            try:
                found = chosen_group(wanted)
            except forms.ValidationError as error:
                self.add_error("group_by_hand" if by_hand else "group", error)
            else:
                self.instance.group_id, self.instance.group_dn = found.group_id, found.dn
        return cleaned

    def show_as_now(self, field: str, held: models.Model) -> None:
        """The group is shown by its name."""
        super().show_as_now(field, held)
        widget = self.fields[field].widget
        if isinstance(widget, GroupSelect) and isinstance(held, Rule):
            widget.shown = held.group_dn

    def clean_claims(self) -> str:
        """The lines as the claims of the row; refuses a line without a name, and one claim twice."""
        text = str(self.cleaned_data.get("claims") or "")
        pairs = [line.partition("=") for line in map(str.strip, text.splitlines()) if line]
        claims = {name.strip(): pattern.strip() for name, _, pattern in pairs}
        if any(not equals for _, equals, _ in pairs) or len(claims) != len(pairs):
            raise forms.ValidationError(
                "Each line is a claim, =, and a pattern, and each claim stands there once."
            )
        self.instance.workload_claims = claims
        return text

    def _is_the_same(self, wanted: str) -> bool:
        return "=" in wanted and same_dn(wanted, self.instance.group_dn)

    def _post_clean(self) -> None:
        """The row is filled by now: what it says must be a rule that can be applied."""
        super()._post_clean()
        if self.errors:
            return
        role = self.instance.role
        if self.instance.workload_issuer and role is not None and role.road != Road.WEB_IDENTITY.value:
            self.add_error("role", "Workloads take roles of the road web-identity only.")
        try:
            rule_of_row(self.instance)
        except UnlawfulLength as refusal:
            self.add_error("duration_seconds", refusal.told)
        except MalformedRule as refusal:
            name = FORM_NAMES.get(refusal.field, refusal.field)
            self.add_error(name if name in self.fields else None, refusal.told)
        except Malformed as refusal:
            self.add_error(None, refusal.told)
