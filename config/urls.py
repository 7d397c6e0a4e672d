"""Where everything is: pages for contributors at the root, the console, the API, health."""

from django.urls import include, path

from revshare.console.site import site

urlpatterns = [
    path("", include("revshare.signin.urls")),
    path("", include("revshare.portal.urls")),
    path("console/", site.urls),
    path("api/v1/", include("revshare.api.urls")),
    path("", include("revshare.api.health")),
]
