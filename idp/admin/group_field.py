"""Choosing a directory group: found by name as one types, or named by hand; the directory has the last word."""

from typing import Any

from django import forms
from django.http import HttpRequest, JsonResponse
from django.urls import reverse

from idp.domain.errors import Malformed, NotFound, Refused, Unavailable
from idp.services.groups import GroupFound, find_group, search_groups

MOST_SHOWN = 20
LONGEST_SEARCH = 100


class GroupSelect(forms.Select):
    """Django's own search field of the admin, fed by our view of the directory."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        """Nothing is chosen yet."""
        super().__init__(attrs)
        self.shown = ""

    @property
    def media(self) -> forms.Media:
        """The same files as for every search field of the admin."""
        return forms.Media(
            js=(
                "admin/js/vendor/jquery/jquery.min.js",
                "admin/js/vendor/select2/select2.full.min.js",
                "admin/js/jquery.init.js",
                "admin/js/autocomplete.js",
            ),
            css={"screen": ("admin/css/vendor/select2/select2.min.css", "admin/css/autocomplete.css")},
        )

    def build_attrs(
        self, base_attrs: dict[str, Any], extra_attrs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """What the admin's script reads: where to ask, and how."""
        return super().build_attrs(base_attrs, extra_attrs) | {
            "class": "admin-autocomplete",
            "data-ajax--cache": "true",
            "data-ajax--delay": 250,
            "data-ajax--type": "GET",
            "data-ajax--url": reverse("admin:idp_rule_groups"),
            "data-theme": "admin-autocomplete",
            "data-allow-clear": "true",
            "data-placeholder": "Search by the name of the group",
        }

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> list[Any]:
        """Only nothing and what is chosen: the rest comes as one types."""
        chosen = [text for text in value if text]
        self.choices = [("", ""), *((text, self.shown or text) for text in chosen)]
        return super().optgroups(name, value, attrs)


def groups_as_json(request: HttpRequest) -> JsonResponse:
    """The groups whose name holds what was typed, as the admin's script wants them."""
    text = request.GET.get("term", "").strip()
    if not text or len(text) > LONGEST_SEARCH:
        return JsonResponse({"results": [], "pagination": {"more": False}})
    try:
        found = search_groups(text, limit=MOST_SHOWN)
    except (Refused, Unavailable) as problem:
        status = 503 if isinstance(problem, Unavailable) else 400
        return JsonResponse({"error": problem.told}, status=status)
    results = [{"id": group.group_id, "text": f"{group.name} ({group.dn})"} for group in found]
    return JsonResponse({"results": results, "pagination": {"more": False}})


def chosen_group(text: str) -> GroupFound:
    """The group of this identifier or distinguished name as the directory knows it; refuses with a form's error."""
    try:
        return find_group(text)
    except (Malformed, NotFound) as refusal:
        raise forms.ValidationError(refusal.told, code=refusal.code) from refusal
    except Unavailable as problem:
        raise forms.ValidationError(f"{problem.told} The rule was not saved.", code=problem.code) from problem
