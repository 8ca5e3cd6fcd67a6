"""The admin site, whose every door leads through our sign-in, and records that can only be looked at."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from idp.domain.errors import NotFound, Refused, Unavailable
from idp.services.admission import Door
from idp.services.staff import is_staff_now
from idp.web.password_form import show_form, take_password
from idp.web.redirects import safe_next
from idp.web.sign_out import signed_out

HOME = "admin:index"

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
else:
    # Django's class takes no parameters while it runs; only its stubs do.
    Admin = admin.ModelAdmin


class DrawbridgeAdminSite(admin.AdminSite):
    """Staff is asked for again like roles; passwords go through the one use-case with its one throttle."""

    site_header = "Drawbridge administration"
    site_title = "Drawbridge"
    index_title = "Administration"
    site_url = "/"
    enable_nav_sidebar = True

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Django's own groups of permissions mean nothing here and are not shown."""
        if model_or_iterable not in (Group, [Group], (Group,)):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether whoever asks is staff now, as the directory answers; refuses a person who has left it."""
        person = request.user
        return person.is_authenticated and is_staff_now(person, now=datetime.now(UTC))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002 - Django's protocol
        """The sign-in form of this door, or what came of it; staff that is signed in is led on."""
        return hidden_password(self._login)(request)

    def _login(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            return take_password(
                request, door=Door.ADMIN, asked=safe_next(request.POST.get("next", ""), default=HOME)
            )
        asked = safe_next(request.GET.get("next", ""), default=HOME)
        if self._is_staff_as_far_as_can_be_told(request):
            return HttpResponseRedirect(asked)
        return show_form(request, door=Door.ADMIN, asked=asked)

    def _is_staff_as_far_as_can_be_told(self, request: HttpRequest) -> bool:
        """Without the directory the form must still come up: break-glass administrators sign in here."""
        try:
            return self.has_permission(request)
        except (Refused, Unavailable):
            return False

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override] # noqa: ARG002 - the stubs ask for a template response; Django takes any
        """The session is over, here and in the portal, which is one, and services that know it are told.

        Our pages sign out at the portal's own address, which asks no directory who may administer.
        """
        return require_POST(signed_out)(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> NoReturn:  # noqa: ARG002 - Django's protocol
        """Refused: `manage.py break_glass reset` gives local passwords, the directory all others."""
        raise NotFound("passwords are not changed here")

    def password_change_done(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's protocol
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002 - likewise
    ) -> NoReturn:
        """Refused likewise."""
        raise NotFound("passwords are not changed here")


@cache
def only_site() -> DrawbridgeAdminSite:
    """The one site of this process.

    Importing this module loads the whole room, whose records ask for the site while Django is still making
    it: a second one would begin without them.
    """
    return DrawbridgeAdminSite()


def hidden_password(
    view: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """The view's password shows in no report of an error."""
    hidden: Callable[[HttpRequest], HttpResponse] = sensitive_post_parameters("password")(view)
    return hidden


class EndsAccesses(Admin):
    """Records from which sessions in AWS may be ended: whoever looks at them may not do that for it."""

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Whether this person may end what others hold."""
        return bool(request.user.has_perm("idp.end_access"))

    def has_end_role_permission(self, request: HttpRequest) -> bool:
        """Whether this person may end every session of a role, whoever holds it."""
        return bool(request.user.has_perm("idp.end_role_sessions"))


class ReadOnlyAdmin(Admin):
    """Records to look at, search and export; nothing can be added, changed or removed."""

    show_full_result_count = False
    list_per_page = 50
    actions_on_top = True

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's protocol
        """Nobody adds a record."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002 - Django's protocol
        """Nobody changes a record."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002 - Django's protocol
        """Nobody removes a record."""
        return False
