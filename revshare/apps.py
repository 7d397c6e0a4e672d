from django.apps import AppConfig


class RevshareConfig(AppConfig):
    name = "revshare"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "revshare"

    def ready(self) -> None:
        import revshare.signin.events  # noqa: F401  # its receivers listen from now on
        from revshare.management import deploy_checks  # noqa: F401 - it registers itself
