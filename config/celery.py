"""The Celery application. The broker is a hint; what must run is a row of `revshare.runs`."""

from celery import Celery

from config.instance import prepare

prepare()
app = Celery("revshare")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["revshare"], related_name="worker_tasks")
