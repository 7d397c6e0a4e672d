"""The Celery application. The broker is a hint; what must run is a row of `revshare.runs`."""

from celery import Celery
from celery.schedules import crontab
from django.conf import settings

from config.instance import prepare

prepare()
app = Celery("revshare")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Here and not in the settings, which every command reads: Celery takes a while to load.
app.conf.beat_schedule = settings.CELERY_BEAT_SCHEDULE | {
    "verify": {
        "task": "revshare.tasks.verify",
        "schedule": crontab(hour=str(settings.REVSHARE_VERIFY_HOUR), minute="0"),
    }
}
app.autodiscover_tasks(["revshare"], related_name="worker_tasks")
