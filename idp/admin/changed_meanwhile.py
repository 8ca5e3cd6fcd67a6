"""A page that was opened before somebody else's change: it overwrites nothing unseen, and loses nothing typed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.db import models

if TYPE_CHECKING:
    AnyModelForm = forms.ModelForm[Any]
else:
    # Django's class takes no parameters while it runs; only its stubs do.
    AnyModelForm = forms.ModelForm

DIGEST_LENGTH = 16
CHANGED = (
    "This was changed while your page was open, so nothing was saved. What you had not touched stands here as it "
    "is now, and what you typed is kept. Look at both, and save again."
)
REMOVED = (
    "This was removed while your page was open. What you typed is kept here; add it anew if it is wanted."
)


@dataclass(frozen=True, slots=True)
class ChangedMeanwhile:
    """One field that says something else than when the page was opened; `is_yours` where it was touched here too."""

    label: str
    now: str
    is_yours: bool


class ComparedForm(AnyModelForm):
    """The form of a row that remembers what it has shown, field by field, and compares before it saves.

    The comparison holds the row until the running transaction ends: Django's admin saves in the same one.
    Columns that the form does not write are taken over as they are by then.
    """

    # Which field of the form writes a column of another name.
    written_by: ClassVar[Mapping[str, str]] = {}

    seen = forms.CharField(required=False, widget=forms.HiddenInput, max_length=10_000)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """What the page shows is remembered with it."""
        super().__init__(*args, **kwargs)
        self.meanwhile: list[ChangedMeanwhile] = []
        if self.instance.pk is not None:
            self.initial["seen"] = json.dumps(self._digests(self.instance))

    def _post_clean(self) -> None:
        """The row is filled by now: it is compared with what its table says."""
        super()._post_clean()  # type: ignore[misc] # Django's hook, which the stubs leave out
        if self.instance.pk is None or self.errors:
            return
        held = self.hold()
        if held is None:
            self.add_error(None, REMOVED)
            return
        self._compare(held)
        columns = self._columns()
        for column in self.instance._meta.concrete_fields:
            if column.name not in columns:
                setattr(self.instance, column.attname, getattr(held, column.attname))

    def hold(self) -> models.Model | None:
        """The row as it is in its table now; nobody else changes it until the running transaction ends."""
        model: type[Any] = type(self.instance)
        held: models.Model | None = model.objects.select_for_update().filter(pk=self.instance.pk).first()
        return held

    def values_of(self, row: models.Model) -> Mapping[str, object]:
        """What the row says, column by column, in the one form in which this form would write it."""
        return {column.name: getattr(row, column.attname) for column in row._meta.concrete_fields}

    def show_as_now(self, field: str, held: models.Model) -> None:
        """The field that nobody has touched shows what the row says now."""
        fresh = type(self)(instance=held)[field]
        self._show(as_posted(fresh, self.add_prefix(field)))

    def _compare(self, held: models.Model) -> None:
        seen, mine, now = seen_in(self.cleaned_data), self._digests(self.instance), self._digests(held)
        for column, field in self._columns().items():
            if now[column] in {seen.get(column), mine[column]}:
                continue
            is_yours = mine[column] != seen.get(column)
            label = self.fields[field].label or field
            shown = in_words(held, column, type(self)(instance=held)[field])
            self.meanwhile.append(ChangedMeanwhile(str(label), shown, is_yours))
            if not is_yours:
                self.show_as_now(field, held)
        if self.meanwhile:
            self.add_error(None, CHANGED)
            self._show({self.add_prefix("seen"): [json.dumps(now)]})

    def _show(self, parameters: Mapping[str, list[str]]) -> None:
        data: Any = self.data
        self.data = data = data.copy()
        for name, values in parameters.items():
            data.setlist(name, values)

    def _columns(self) -> dict[str, str]:
        """The columns that this form writes, each with its field."""
        names = [column.name for column in self.instance._meta.concrete_fields]
        fields = {name: self.written_by.get(name, name) for name in names}
        return {name: field for name, field in fields.items() if field in self.fields}

    def _digests(self, row: models.Model) -> dict[str, str]:
        values = self.values_of(row)
        return {column: digest(values[column]) for column in self._columns()}


def digest(value: object) -> str:
    """What tells whether a column says the same."""
    # The database keeps the keys of an entry in an order of its own, and browsers write line ends of their own.
    said = json.dumps(value, sort_keys=True) if isinstance(value, (list, dict)) else str(value)
    plain = "\n".join(said.split("\r\n")).strip()
    return hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()[:DIGEST_LENGTH]


def seen_in(cleaned: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the page had shown; nothing where it does not say so, and then everything that differs is told."""
    try:
        seen = json.loads(cleaned.get("seen") or "{}")
    except ValueError:
        return {}
    return seen if isinstance(seen, dict) else {}


def as_posted(fresh: forms.BoundField, name: str) -> dict[str, list[str]]:
    """The parameters by which a browser would send what this field shows."""
    widget: Any = getattr(fresh.field.widget, "widget", fresh.field.widget)
    value = fresh.value()
    if isinstance(fresh.field.widget, forms.MultiWidget):
        parts = zip(widget.widgets, widget.widgets_names, widget.decompress(value), strict=True)
        return {f"{name}{suffix}": texts(one.format_value(part)) for one, suffix, part in parts}
    if isinstance(widget, forms.CheckboxInput):
        return {name: ["on"] if value else []}
    return {name: texts(widget.format_value(value))}


def texts(shown: object) -> list[str]:
    """What a widget shows, as a list of texts."""
    if isinstance(shown, (list, tuple)):
        return [str(one) for one in shown]
    return [""] if shown is None else [str(shown)]


def in_words(row: models.Model, column: str, fresh: forms.BoundField) -> str:
    """What the column says, for people."""
    value = getattr(row, column)
    if isinstance(value, bool):
        return "yes" if value else "no"
    chosen = getattr(row, f"get_{column}_display", None)
    if chosen is not None:
        return str(chosen())
    if value is None or isinstance(value, models.Model):
        return str(value or "")
    return "\n".join(texts(fresh.value()))
