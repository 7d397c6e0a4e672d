"""What a review found, in the reader's language.

Stored is the English sentence of `reviews.findings`; here it is told anew from the numbers behind it. In English the
two are the same, as a test says."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from revshare.console.shown import in_english, readable
from revshare.policies.review_terms import ASSETS, CONCENTRATION, CONTRIBUTORS, POOLS
from revshare.reviews import rules
from revshare.reviews.takings import CUSTOMER, FILE
from revshare.wording import decimals, language, percent, whole


def told(finding: Any, net_micros: int) -> Any:
    """`net_micros`: net sales of the cycle in the finding's currency."""
    return finding.says if language() == "en" else retold(finding, net_micros) or in_english(finding.says)


def retold(finding: Any, net_micros: int) -> str:
    """'' where a number is not there."""
    measured = {name: int(value) for name, value in finding.measured.items()}
    tell = _more if "more" in measured else TELLERS.get(finding.rule, _sold)
    try:
        return tell(finding, measured | {"all_micros": net_micros})
    except KeyError:
        return ""


Measured = Mapping[str, int]


def _part(part: int, total: int) -> str:
    return percent(rules.percent(part, total).removesuffix("%"))


def _more(finding: Any, measured: Measured) -> str:
    return _("%(count)s more like these: look at the difference as CSV.") % {"count": whole(measured["more"])}


def _contributor(finding: Any, measured: Measured) -> str:
    likely = rules.expected(measured["before_micros"], measured["median_change"])
    return _(
        "%(who)s earns %(after)s after %(before)s in the last cycle; had it changed as for the one in the middle, it "
        "would be %(likely)s."
    ) % {
        "who": finding.subject, "after": readable(measured["after_micros"], finding.currency),
        "before": readable(measured["before_micros"], finding.currency), "likely": readable(likely, finding.currency),
    }  # fmt: skip


def _pool(finding: Any, measured: Measured) -> str:
    return _(
        "The pool %(pool)s has net sales of %(net)s; in the last %(cycles)s cycles that have it, %(median)s was in the "
        "middle."
    ) % {
        "pool": finding.subject, "net": readable(measured["net_micros"], finding.currency),
        "cycles": whole(measured["cycles"]), "median": readable(measured["median_micros"], finding.currency),
    }  # fmt: skip


def _concentration(finding: Any, measured: Measured) -> str:
    before, who = measured["total_before_micros"], finding.contributor_id
    said = {
        "who": who, "currency": finding.currency, "part": _part(measured["part_micros"], measured["total_micros"]),
        "then": _part(measured["part_before_micros"], before),
    }  # fmt: skip
    if who and before:
        return _(
            "%(who)s gets %(part)s of all that contributors earn in %(currency)s; in the last cycle %(then)s."
        ) % said  # fmt: skip
    if who:
        return _("%(who)s gets %(part)s of all that contributors earn in %(currency)s.") % said
    if before:
        return _(
            "The best paid hundredth of contributors gets %(part)s of all that contributors earn in %(currency)s; in "
            "the last cycle %(then)s."
        ) % said  # fmt: skip
    return _(
        "The best paid hundredth of contributors gets %(part)s of all that contributors earn in %(currency)s."
    ) % said  # fmt: skip


def _sold(finding: Any, measured: Measured) -> str:
    what, _space, name = finding.subject.partition(" ")
    code = finding.currency
    said = {
        "name": name, "part": _part(measured["micros"], measured["all_micros"]),
        "amount": readable(measured["micros"], code), "median": readable(measured["median_micros"], code),
    }  # fmt: skip
    if what == FILE:
        said |= {"sales": whole(measured["sales"]), "average": readable(measured["average_micros"], code)}
        return _(
            "A sale of file %(name)s is %(average)s on average (%(sales)s sales, %(part)s of net sales); of earlier "
            "files %(median)s was in the middle."
        ) % said  # fmt: skip
    said |= {"cycles": whole(measured["cycles"])}
    if what == CUSTOMER:
        return _(
            "Sales to customer %(name)s come to %(amount)s, %(part)s of net sales; in the last %(cycles)s cycles "
            "%(median)s was in the middle."
        ) % said  # fmt: skip
    return _(
        "Sales of model %(name)s come to %(amount)s, %(part)s of net sales; in the last %(cycles)s cycles %(median)s "
        "was in the middle."
    ) % said  # fmt: skip


def _holding(finding: Any, measured: Measured) -> str:
    after, before = measured["after_ticks"], measured["before_ticks"]
    said = {"who": finding.subject, "part": _part(after, measured["total_ticks"])}
    if not before:
        return _(
            "%(who)s holds %(part)s of all assets of the manifests in use, and held none in the last cycle."
        ) % said  # fmt: skip
    said |= {"times": decimals(rules.times(after, before).partition(" ")[0])}
    return _(
        "%(who)s holds %(part)s of all assets of the manifests in use, %(times)s times as many as in the last cycle."
    ) % said  # fmt: skip


TELLERS = {CONTRIBUTORS: _contributor, POOLS: _pool, CONCENTRATION: _concentration, ASSETS: _holding}
