"""Where weights of frozen manifests stand: on which roll (`on_rolls`), and so on which pages."""

from django.db import connection

from revshare import on_rolls
from revshare.on_rolls import RollsIn

ROLLS = RollsIn(
    "manifests_roll", "rolls_of", "SELECT id AS rolls_of FROM manifests_manifest WHERE frozen_at IS NOT NULL"
)
on_roll_of = ROLLS.on_roll_of


class OnRollOf(on_rolls.OnRollOf):
    """Whether a row of a view is on a roll on which a contributor can stand, for the ORM."""

    rolls = ROLLS


def roll_in(manifest_id: int, contributor_id: str) -> int:
    """On which roll of a manifest a contributor can stand; 0 if they come before all of them."""
    roll = ROLLS.roll_of("(SELECT rolls_of FROM manifests_weight_page WHERE manifest_id = %s LIMIT 1)", "%s")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce({roll}, 0)", [manifest_id, contributor_id])
        return int(cursor.fetchone()[0])


def last_roll_in(manifest_id: int) -> int:
    """The last roll on which anybody has weights of a manifest; 0 if nobody has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(roll), 0) FROM manifests_weight_page WHERE manifest_id = %s", [manifest_id])
        return int(cursor.fetchone()[0])
