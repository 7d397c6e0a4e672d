"""Sales in other currencies: what was changed by hand is named by `verify`."""

import pytest

from revshare.cycles.models import Cycle
from revshare.verification.operations import verify
from tests.cycles.test_currencies import HEADER, USD
from tests.cycles.test_methods import policy, sell
from tests.stories import Story
from tests.verification.test_operations import without_triggers

pytestmark = pytest.mark.django_db
# What is done, and the invariants that must be named.
DEFECTS = {
    "a conversion gives more": (
        "ALTER TABLE fx_conversion DROP CONSTRAINT fx_conversion_exact; "
        "UPDATE fx_conversion SET amount_out_micros = amount_out_micros + 2", {"I1", "I9", "I22"},
    ),
    "a conversion gives a micro more, within its rounding": (
        "UPDATE fx_conversion SET sums = 3; UPDATE fx_conversion SET amount_out_micros = amount_out_micros + 1", {"I1", "I9", "I22"},
    ),
    "a rate is another": (
        "UPDATE fx_conversion SET rate_upper = 2 * rate_upper, amount_out_micros = 2 * amount_out_micros WHERE base = 'EUR'", {"I1", "I9", "I22"},
    ),
    "a rate is of another day": ("UPDATE fx_conversion SET rate_on = '2026-06-09'", {"I9"}),
    "a conversion is gone": ("DELETE FROM fx_conversion WHERE base = 'EUR'", {"I1", "I9", "I22"}),
    "the rate that was used is changed": ("UPDATE rates_rate SET rate = rate + 0.01", {"I21"}),
    "the rate that was used is gone": ("DELETE FROM rates_rate", {"I12", "I21"}),
    "what went through fx is in another account": (
        "UPDATE ledger_leg SET account = 'bank' WHERE account = 'fx'", {"I9", "I24"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def june(told: Story) -> None:
    told.models(("m", "ds@1"))
    told.attributions(("ds@1", "a", "ann"), ("ds@1", "b", "ben"))
    told.take(
        "rates",
        HEADER,
        [
            ("2026-06-10", pair[:3], pair[3:], rate, "ECB")
            for pair, rate in (("EURUSD", "1.0765"), ("EURGBP", "0.8452"))
        ],
    )
    policy(told, USD)
    sell(
        told,
        {"gross_amount": "10", "currency": "EUR"},
        {"gross_amount": "10", "currency": "GBP"},
        {"gross_amount": "10"},
    )
    told.publish("june", "2026-06-01", "2026-07-01")


def found() -> set[str]:
    return {finding.invariant for finding in verify(cycles=list(Cycle.objects.all())).findings}


@pytest.mark.usefixtures("june")
def test_sound_conversions_are_clean() -> None:
    assert found() == set()


@pytest.mark.usefixtures("june")
@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_is_found_and_named(what: str) -> None:
    deed, invariants = DEFECTS[what]
    without_triggers(deed)
    assert found() == invariants
