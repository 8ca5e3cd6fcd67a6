"""The rollover of the signing key: where it stands, who is waited for, and each step with its consequences."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from idp.admin.base import ReadOnlyAdmin
from idp.admin.service_providers import author_of
from idp.domain.errors import NotFound, Refused, Unavailable
from idp.models import KeyConfirmation
from idp.services.key_rollover import (
    USUAL_DAYS,
    confirm,
    doubt,
    note_refused,
    publish,
    retire,
    switch,
    take_step_back,
    usual_bits,
)
from idp.services.keys import key_status, sizes_of_new_keys
from idp.services.rollover_state import Rollover, Verb, last_steps, rollover

PAGE = "admin:idp_keyconfirmation_changelist"
PERMISSION = "idp.roll_signing_key"
MOST_SHOWN = 12


class PublishForm(forms.Form):
    """What kind of key is made."""

    bits = forms.TypedChoiceField(coerce=int, label="Size")
    days = forms.IntegerField(
        min_value=1, max_value=3_650, label="Days", help_text="How long its certificate holds."
    )

    def __init__(self, *args: Any, curve: bool, **kwargs: Any) -> None:
        """The sizes are those of its kind."""
        super().__init__(*args, **kwargs)
        kind = "P-{} (ECDSA)" if curve else "RSA, {} bits"
        self.fields["bits"].choices = [(size, kind.format(size)) for size in sizes_of_new_keys(curve=curve)]  # type: ignore[attr-defined] # the stubs know fields only
        self.initial.update(bits=usual_bits(curve=curve), days=USUAL_DAYS)


@admin.register(KeyConfirmation)
class KeyRolloverAdmin(ReadOnlyAdmin):
    """One page in place of a list, and one for each step that tells what it will do before it is done."""

    def get_urls(self) -> list[URLPattern]:
        """Beside Django's own: the page of a step."""
        view = self.admin_site.admin_view
        return [
            path("step/<slug:name>/", view(self.step_view), name="idp_keyconfirmation_step"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Where the rollover stands; posted, the chosen ones are confirmed, or waited for again."""
        curve, now = is_curve(request), datetime.now(UTC)
        if request.method == "POST":
            self._check_permission(request, "confirm", curve=curve, now=now)
            tell, told = (doubt, "waited for again") if "doubt" in request.POST else (confirm, "confirmed")
            parties = request.POST.getlist("doubt" if tell is doubt else "party")
            seen = request.POST.get("certificate") or "none"
            try:
                new = tell(parties, author=author_of(request), now=now, curve=curve, certificate=seen)
                messages.success(request, f"{len(new)} {told}.")
            except Refused as refusal:
                messages.error(request, refusal.told)
            return HttpResponseRedirect(page_of(curve=curve))
        if not (self.has_view_permission(request) or request.user.has_perm(PERMISSION)):
            raise PermissionDenied
        state = rollover(curve=curve)
        context = self._context(request, state, now=now) | {
            "title": "Signing key on a curve" if curve else "Signing key",
            "status": key_status(now=now),
            "history": last_steps(curve=curve, limit=MOST_SHOWN),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/idp/keyconfirmation/rollover.html", context)

    def step_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """What this step will do; posted, it is done, or refused with why."""
        if name not in list(Verb):
            raise NotFound(f"no step is called {name[:40]}")
        verb, curve, now = Verb(name), is_curve(request), datetime.now(UTC)
        self._check_permission(request, verb, curve=curve, now=now)
        state = rollover(curve=curve)
        if state.only_by_command:
            told = f"Keys are changed by command only: {state.only_by_command}."
            if request.method == "POST":
                note_refused(verb, "read-only", told, author=author_of(request), now=now, curve=curve)
            messages.error(request, told)
            return HttpResponseRedirect(page_of(curve=curve))
        phrase = state.phrase_for(verb, now=now)
        posted = request.method == "POST"
        form = PublishForm(request.POST if posted and verb is Verb.PUBLISH else None, curve=curve)
        if posted and (verb is not Verb.PUBLISH or form.is_valid()):
            # Whoever goes on without somebody has seen without whom: as many others are not the same.
            typed = (request.POST.get("phrase", "").strip(), request.POST.get("waiting"))
            anyway = bool(phrase) and typed == (phrase, state.mark_of_waiting)
            self._take(request, verb, form, curve=curve, anyway=anyway, now=now)
            return HttpResponseRedirect(page_of(curve=curve))
        if not posted and verb not in state.possible:
            messages.error(request, "This step cannot be taken now: here is where the rollover stands.")
            return HttpResponseRedirect(page_of(curve=curve))
        context = self._context(request, state, now=now) | {
            "title": TITLES[verb],
            "verb": verb.value,
            "is_overlap": state.is_overlap(now=now),
            "phrase": phrase,
            "form": form,
        }
        return TemplateResponse(request, "admin/idp/keyconfirmation/step.html", context)

    def _take(
        self,
        request: HttpRequest,
        verb: Verb,
        form: PublishForm,
        *,
        curve: bool,
        anyway: bool,
        now: datetime,
    ) -> None:
        who, seen = author_of(request), request.POST.get("seen") or "none"
        try:
            if verb is Verb.PUBLISH:
                chosen = form.cleaned_data
                key = publish(
                    author=who, now=now, curve=curve, seen=seen, bits=chosen["bits"], days=chosen["days"]
                )
            elif verb is Verb.TAKE_BACK:
                key = take_step_back(author=who, now=now, curve=curve, seen=seen)
            else:
                step = switch if verb is Verb.SWITCH else retire
                key = step(author=who, now=now, curve=curve, seen=seen, anyway=anyway)
        except Refused as refusal:
            messages.error(request, refusal.told)
        except Unavailable as problem:
            messages.error(request, f"Nothing was changed: {problem.cause}.")
        else:
            messages.success(request, f"{DONE[verb]} (SHA-256 {key.fingerprint[:23]}…).")

    def _check_permission(self, request: HttpRequest, step: str, *, curve: bool, now: datetime) -> None:
        if request.user.has_perm(PERMISSION):
            return
        if request.method == "POST":
            told = f"This person does not have the permission {PERMISSION}."
            note_refused(step, "no-permission", told, author=author_of(request), now=now, curve=curve)
        raise PermissionDenied

    def _context(self, request: HttpRequest, state: Rollover, *, now: datetime) -> dict[str, Any]:
        return self.admin_site.each_context(request) | {
            "state": state,
            "now": now,
            "may_roll": request.user.has_perm(PERMISSION),
            "opts": self.opts,
        }


TITLES = {
    Verb.PUBLISH: "Publish the next signing key",
    Verb.SWITCH: "Switch to the next signing key",
    Verb.TAKE_BACK: "Take the last step back",
    Verb.RETIRE: "Retire the former signing key",
}
DONE = {
    Verb.PUBLISH: "The key was made, and its certificate stands in our metadata",
    Verb.SWITCH: "The next key signs from now on",
    Verb.TAKE_BACK: "The last step was taken back",
    Verb.RETIRE: "The former key is gone",
}


def is_curve(request: HttpRequest) -> bool:
    """Whether this is about the keys on a curve."""
    return request.GET.get("curve") == "1"


def page_of(*, curve: bool) -> str:
    """The page of these keys."""
    return f"{reverse(PAGE)}{'?curve=1' if curve else ''}"
