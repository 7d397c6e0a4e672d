"""The first contributors of a marketplace come into a table that is as good as new: what is written is not logged where
PostgreSQL need not (`wal_level = minimal`), and is visible to all at once, so that nobody has to look it up again.
"""

from django.db import migrations

# Where somebody is reading the table, who would have to be waited for, it stays as it is.
FORWARD = """
CREATE FUNCTION revshare_first_contributors() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM contributors_contributor) THEN
        RETURN false;
    END IF;
    BEGIN
        LOCK TABLE contributors_contributor IN ACCESS EXCLUSIVE MODE NOWAIT;
    EXCEPTION WHEN lock_not_available THEN
        RETURN false;
    END;
    IF EXISTS (SELECT FROM contributors_contributor) THEN
        RETURN false;
    END IF;
    CLUSTER contributors_contributor USING contributors_contributor_pkey;
    ALTER TABLE contributors_contributor SET WITHOUT CLUSTER;
    RETURN true;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("revshare", "0041_weight_pages")]
    operations = [migrations.RunSQL(FORWARD, "DROP FUNCTION revshare_first_contributors();")]
