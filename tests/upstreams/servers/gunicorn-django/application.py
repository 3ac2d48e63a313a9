from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="not secret",
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
)


def page(content, host=None):
    def view(request):
        if host and request.get_host().rsplit(":", 1)[0] != host:
            raise Http404
        return HttpResponse(content)

    return view


urlpatterns = [
    path("", page("public-content")),
    path("public/page", page("public-content")),
    path("admin/secret", page("protected-content:admin/secret")),
    path("x.php", page("protected-content:x.php")),
    path("hosted", page("protected-content:hosted", "secret.example")),
    path("address", page("protected-content:address", "127.0.0.1")),
]

wsgi = get_wsgi_application()
