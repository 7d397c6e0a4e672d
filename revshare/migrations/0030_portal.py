"""What the portal keeps: invitations, letters, who wants which, requests to be forgotten."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

APPEND_ONLY = ("mail_queued", "personal_deletion_request", "personal_deletion_decision")
NEVER_DELETED = ("invitations_invitation", "mail_message")
FUNCTIONS = """
-- An invitation is used or made void once; besides, its address may go.
CREATE FUNCTION revshare_invitation_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'used_at' - 'voided_at' - 'email' <> to_jsonb(OLD) - 'used_at' - 'voided_at' - 'email'
        OR NEW.email NOT IN ('', OLD.email)
        OR (OLD.used_at IS NOT NULL OR OLD.voided_at IS NOT NULL)
            AND (NEW.used_at, NEW.voided_at) IS DISTINCT FROM (OLD.used_at, OLD.voided_at) THEN
        RAISE EXCEPTION 'invitation % does not change any more', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
-- A letter that went is not sent again, and none becomes another.
CREATE FUNCTION revshare_letter_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('sent', 'failed', 'skipped', 'unsure')
        OR (NEW.kind, NEW.event, NEW.contributor_id) IS DISTINCT FROM (OLD.kind, OLD.event, OLD.contributor_id) THEN
        RAISE EXCEPTION 'letter % is %: it stays as it is', OLD.id, OLD.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def _triggers():
    """(table, trigger, what follows CREATE TRIGGER name)."""
    for table in APPEND_ONLY:
        refused = f"BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        yield table, "no_change", f"{refused} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()"
    for table in NEVER_DELETED:
        yield table, "no_delete", f"BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()"
        yield table, "no_truncate", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()"
    yield "invitations_invitation", "moves", (
        "BEFORE UPDATE ON invitations_invitation FOR EACH ROW EXECUTE FUNCTION revshare_invitation_moves()"
    )
    yield "mail_message", "moves", "BEFORE UPDATE ON mail_message FOR EACH ROW EXECUTE FUNCTION revshare_letter_moves()"


CREATE = FUNCTIONS + "".join(
    f"CREATE TRIGGER {table}_{name} {body};\nALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name};\n"
    for table, name, body in _triggers()
) + "CREATE INDEX audit_event_of_contributors ON audit_event (at) WHERE starts_with(object, 'contributor:');\n"
DROP = "DROP INDEX audit_event_of_contributors;\n" + "".join(
    f"DROP TRIGGER {table}_{name} ON {table};\n" for table, name, _ in _triggers()
) + "DROP FUNCTION revshare_invitation_moves(); DROP FUNCTION revshare_letter_moves();"
REFUSE_LOSS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM personal_deletion_request) THEN
        RAISE EXCEPTION 'this instance holds requests for deletion, which the version before does not know';
    END IF;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('revshare', '0029_verdicts'),
    ]

    operations = [
        migrations.CreateModel(
            name='Queued',
            fields=[
                ('event', models.TextField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
            ],
            options={
                'db_table': 'mail_queued',
            },
        ),
        migrations.AddField(
            model_name='contributor',
            name='erased_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name='DeletionRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField(blank=True)),
                ('asked_at', models.DateTimeField()),
                ('asked_by', models.TextField()),
                ('contributor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.contributor')),
            ],
            options={
                'db_table': 'personal_deletion_request',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Preference',
            fields=[
                ('contributor', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='revshare.contributor')),
                ('language', models.TextField(blank=True, default='')),
                ('unwanted', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, size=None)),
                ('changed_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'mail_preference',
                'constraints': [models.CheckConstraint(condition=models.Q(('unwanted__contained_by', ['statement_published', 'action_needed'])), name='mail_preference_optional_only')],
            },
        ),
        migrations.CreateModel(
            name='DeletionDecision',
            fields=[
                ('request', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='decision', serialize=False, to='revshare.deletionrequest')),
                ('outcome', models.TextField(choices=[('granted', 'granted'), ('refused', 'refused')])),
                ('reason', models.TextField()),
                ('decided_at', models.DateTimeField()),
                ('decided_by', models.TextField()),
            ],
            options={
                'db_table': 'personal_deletion_decision',
                'constraints': [models.CheckConstraint(condition=models.Q(('outcome__in', ('granted', 'refused'))), name='personal_decision_outcome'), models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='personal_decision_says_why')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.TextField(blank=True)),
                ('nonce', models.TextField()),
                ('token_sha256', models.CharField(max_length=64, unique=True)),
                ('made_at', models.DateTimeField()),
                ('made_by', models.TextField()),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(blank=True, null=True)),
                ('voided_at', models.DateTimeField(blank=True, null=True)),
                ('contributor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.contributor')),
            ],
            options={
                'db_table': 'invitations_invitation',
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('made_at'))), name='invitations_expires'), models.CheckConstraint(condition=models.Q(('used_at__isnull', True), ('voided_at__isnull', True), _connector='OR'), name='invitations_used_or_void'), models.CheckConstraint(condition=models.Q(('used_at__isnull', True), ('used_at__lte', models.F('expires_at')), _connector='OR'), name='invitations_used_in_time'), models.UniqueConstraint(condition=models.Q(('used_at__isnull', True), ('voided_at__isnull', True)), fields=('contributor',), name='invitations_one_open')],
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.TextField(choices=[('invitation', 'invitation'), ('statement_published', 'statement_published'), ('action_needed', 'action_needed'), ('claim_decided', 'claim_decided'), ('security', 'security')])),
                ('event', models.TextField()),
                ('state', models.TextField(choices=[('queued', 'queued'), ('sending', 'sending'), ('sent', 'sent'), ('failed', 'failed'), ('skipped', 'skipped'), ('unsure', 'unsure')], db_default='queued', default='queued')),
                ('queued_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('attempts', models.IntegerField(db_default=0, default=0)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('error', models.TextField(blank=True, db_default='', default='')),
                ('contributor', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.contributor')),
            ],
            options={
                'db_table': 'mail_message',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('state__in', ['queued', 'sending'])), fields=['due_at'], name='mail_message_due'), models.Index(condition=models.Q(('state__in', ['failed', 'unsure'])), fields=['-id'], name='mail_message_lost')],
                'constraints': [models.UniqueConstraint(fields=('contributor', 'kind', 'event'), name='mail_message_once'), models.CheckConstraint(condition=models.Q(('kind__in', ('invitation', 'statement_published', 'action_needed', 'claim_decided', 'security'))), name='mail_message_kind'), models.CheckConstraint(condition=models.Q(('state__in', ('queued', 'sending', 'sent', 'failed', 'skipped', 'unsure'))), name='mail_message_state'), models.CheckConstraint(condition=models.Q(models.Q(('sent_at__isnull', False), ('state', 'sent')), models.Q(('state', 'sent'), _negated=True), _connector='OR'), name='mail_message_sent')],
            },
        ),
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_LOSS),
    ]
