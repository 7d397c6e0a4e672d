from django.core.wsgi import get_wsgi_application

from config.instance import home, prepare

prepare()
(home() / "static").mkdir(parents=True, exist_ok=True)  # WhiteNoise warns at every start if it is missing
application = get_wsgi_application()
