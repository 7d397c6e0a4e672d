"""On which roll somebody can stand, in SQL. Views hide in which row of arrays a contributor stands, and to ask them for
one alone would open all of them."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import BooleanField, Func, Value


@dataclass(frozen=True)
class RollsIn:
    """A table of rolls. `key`: its column that says of what they are the rolls; `keys`: SQL of all there are of these.
    Views that stand on it have both columns, `key` and `roll`."""

    table: str
    key: str
    keys: str

    def roll_of(self, key: str, contributor: str) -> str:
        """The roll on which a contributor can stand, in SQL."""
        return (
            f"(SELECT r.roll FROM {self.table} r WHERE r.{self.key} = {key} AND r.first_id <= {contributor} "
            "ORDER BY r.first_id DESC LIMIT 1)"
        )

    def on_roll_of(self, view: str, contributor: str) -> str:
        """Whether a row of a view is on a roll on which a contributor can stand, in SQL. `contributor`: how the id is
        said; it stands there twice.

        The rolls are known before the first array is opened, as values: joined with them, the planner opens all arrays
        and looks at what stood in them, since it takes rolls for few.
        """
        rolls = f"SELECT k.{self.key}, {self.roll_of(f'k.{self.key}', contributor)} AS roll FROM ({self.keys}) k"
        return (
            f"({view}.roll = ANY (ARRAY(SELECT k.roll FROM ({rolls}) k)) AND ({view}.{self.key}::bigint << 32 | "
            f"{view}.roll) = ANY (ARRAY(SELECT k.{self.key}::bigint << 32 | k.roll FROM ({rolls}) k)))"
        )


class OnRollOf(Func):
    """The same for the ORM."""

    rolls: ClassVar[RollsIn]
    output_field = BooleanField()

    def __init__(self, contributor_id: str, *, view: str) -> None:
        super().__init__(Value(contributor_id), template=self.rolls.on_roll_of(view, "%(expressions)s"))

    def as_sql(self, *args: Any, **kwargs: Any) -> tuple[str, tuple[str | int, ...]]:
        sql, params = super().as_sql(*args, **kwargs)
        return sql, (*params, *params)
