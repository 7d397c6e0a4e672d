"""A worker that lost its lease cannot commit: every deed writes an event, and an event of a session that works under a
claim needs that claim still to stand, at the commit. See docs/adr/0024-faults.md."""

from django.db import migrations

# `revshare.lease` of a session: "<run>:<token>", or blank where nobody works on a run. FOR SHARE: who would claim the
# run now waits until this transaction has ended. Deferred, so that it is held for the length of a commit and the
# heartbeat, which writes to the same row, is not in its way.
CREATE = """
CREATE FUNCTION revshare_check_lease() RETURNS void LANGUAGE plpgsql AS $$
DECLARE lease text := coalesce(current_setting('revshare.lease', true), '');
BEGIN
    IF lease = '' THEN
        RETURN;
    END IF;
    PERFORM FROM runs_run WHERE id = split_part(lease, ':', 1)::bigint AND token = split_part(lease, ':', 2)::bigint
        AND state = 'running' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lease of run % is lost: another process has taken it over', split_part(lease, ':', 1)
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END $$;
CREATE FUNCTION revshare_fence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM revshare_check_lease();
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER audit_event_fence AFTER INSERT ON audit_event DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (coalesce(current_setting('revshare.lease', true), '') <> '') EXECUTE FUNCTION revshare_fence();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_fence;
"""
DROP = """
DROP TRIGGER audit_event_fence ON audit_event;
DROP FUNCTION revshare_fence(); DROP FUNCTION revshare_check_lease();
"""


class Migration(migrations.Migration):
    dependencies = [("revshare", "0028_destinations")]
    operations = [migrations.RunSQL(CREATE, DROP)]
