from django.core.wsgi import get_wsgi_application

from config.instance import prepare

prepare()
application = get_wsgi_application()
