"""Steps of a world: files that come in."""

from dataclasses import replace
from fractions import Fraction

from revshare.ingest.operations import ingest
from tests.cycles.slow_rules import Sold, Target
from tests.worlds.making import CUSTOMERS, LATER, UNKNOWN, random_records
from tests.worlds.play import MONTHS, SALES, Play, Split, amount, later_becomes_known

EUROS = {"USD": (1.0, 1.2), "GBP": (0.8, 0.9), "JPY": (150.0, 170.0)}


def _target(play: Play, customer: str) -> Target:
    known = [(model, "") for model, _, _ in play.facts.models]
    versions = [("", r.version) for r in play.facts.records if r.version not in play.corrected.values()]
    chosen = play.rng.choice(["model"] * 6 + ["version", "later", "unknown"] + ["none"] * bool(customer))
    if chosen == "none":
        return "", ""
    if chosen == "later":
        return LATER, ""
    return play.rng.choice({"model": known, "version": versions, "unknown": list(UNKNOWN)}[chosen])


def _sale(play: Play, month: int) -> Sold:
    rng = play.rng
    customer = rng.choice(["", *CUSTOMERS])
    fees, tax = rng.choice([(None, None), (None, None), (31, None), (1_234, 567), (None, 99)])
    micros = rng.choice([rng.randint(2_000, 900_000), rng.randint(10**6, 10**8), rng.randint(10**9, 10**11), 0])
    day = play.day(month)
    return Sold(
        f"s{play.next_number()}", play.cycle_of(day), f"{day}T{rng.randrange(24):02d}:30:00", _stream(play), _target(play, customer),
        rng.choice(play.begun.currencies), micros, fees, tax, customer, rng.choice(["", "", "pro", "free"]),
    )  # fmt: skip


def _stream(play: Play) -> str:
    return play.rng.choice(["generation", "other", "third"])


def _store(play: Play, sales: list[Sold]) -> None:
    play.facts.sales += sales
    for sold in sales:
        if sold.refund_of:
            play.sold[sold.refund_of] += sold.micros
        else:
            play.sold[sold.sale_id] = sold.micros


def sales(play: Play) -> None:
    """Of the month, and now and then of one that is closed."""
    months = [play.month] * 4 + list(range(play.month))
    made = [_sale(play, play.rng.choice(months)) for _ in range(play.rng.randint(1, 6))]
    play.take("sales", SALES, [play.row_of(sold) for sold in made])
    _store(play, made)


def late_sales(play: Play) -> None:
    if play.locked:
        made = [_sale(play, play.rng.randrange(play.locked)) for _ in range(play.rng.randint(1, 2))]
        play.take("sales", SALES, [play.row_of(sold) for sold in made])
        _store(play, made)


def _refund(play: Play, sale: Sold, micros: int) -> Sold:
    first = int(sale.day[5:7]) - 1
    month = play.rng.choice([play.month, play.rng.randint(first, max(first, play.month))])
    day = max(play.day(max(month, first)), sale.day[:10])
    return replace(
        sale, sale_id=f"r{play.next_number()}", refund_of=sale.sale_id, cycle=play.cycle_of(day), day=f"{day}T23:40:00",
        micros=-micros, fees=play.rng.choice([None, None, None, -17]), tax=None,
    )  # fmt: skip


def refunds(play: Play) -> None:
    """All that is left of a sale, or a part of it; of any cycle."""
    open_to = [sold for sold in play.facts.sales if not sold.refund_of and play.sold[sold.sale_id] > 0]
    recent = [sold for sold in open_to if sold.cycle >= play.locked] or open_to
    made = []
    for sale in play.rng.sample(recent if play.rng.random() < 0.5 else open_to, min(2, len(recent))):
        left = play.sold[sale.sale_id]
        made.append(_refund(play, sale, play.rng.choice([left, left, max(1, left // 2), max(1, left // 3)])))
    if made:
        play.take("sales", SALES, [play.row_of(refund) for refund in made])
        _store(play, made)


def refund_before_its_sale(play: Play) -> None:
    """It waits in quarantine until the sale comes."""
    sale = _sale(play, play.month)
    if not sale.micros:
        return
    refund = _refund(play, sale, sale.micros)
    report = play.story.take("sales", SALES, [play.row_of(refund)])
    assert (report.file.rows_accepted, report.file.rows_quarantined) == (0, 1)
    play.take("sales", SALES, [play.row_of(sale)])
    _store(play, [sale, refund])


def outputs(play: Play) -> None:
    """Scores of sales, also of those that are closed: then they count for refunds to come."""
    rows = []
    known = [sold.sale_id for sold in play.facts.sales if not sold.refund_of]
    for sale in play.rng.sample(known, min(3, len(known))):
        role = play.rng.choice(["output", "output", "style", "modified"])
        if (sale, role) in play.scored:
            continue
        play.scored.add((sale, role))
        scores = play.rng.choice([("0.5", "0.25"), ("0.333333", "0.666667"), ("1", "0"), ("0.1", "0.000001")])
        rows += [
            (sale, who, role, score) for who, score in zip(play.rng.sample(play.begun.people, 2), scores, strict=True)
        ]
    if rows:
        play.take("outputs", ("sale_id", "contributor_id", "role", "score"), rows)
        play.facts.outputs += [(sale, who, role, Fraction(score)) for sale, who, role, score in rows]


def usage(play: Play) -> None:
    """What customers used this month; of a month that is closed it counts for nothing."""
    month = play.rng.choice([play.month] * 5 + [play.rng.randint(0, play.month)])
    models = sorted({model for model, _, _ in play.facts.models} | {"unheard", LATER})
    rows = {
        (play.rng.choice(CUSTOMERS[:2]), play.rng.choice(models[-3:] + models), play.day(month)): play.rng.randint(
            1, 50
        )
        for _ in range(play.rng.randint(1, 4))
    }
    rows = {key: units for key, units in rows.items() if ("usage", *key) not in play.said}
    play.said |= {("usage", *key) for key in rows}
    if rows:
        play.take("usage", ("customer_id", "model", "day", "units"), [(*key, units) for key, units in rows.items()])
    said = [(month, customer, model, units) for (customer, model, _), units in rows.items()]
    play.usage += said
    if month >= play.locked:
        play.facts.usage += said


def measures(play: Play) -> None:
    month = play.rng.choice([play.month] * 5 + [play.rng.randint(0, play.month)])
    rows = {
        (who, play.rng.choice(["revenue", "views"]), *map(str, MONTHS[month])): play.rng.randint(0, 10**7)
        for who in play.rng.sample(play.begun.people, play.rng.randint(1, 3))
    }
    rows = {key: value for key, value in rows.items() if ("measure", *key) not in play.said}
    play.said |= {("measure", *key) for key in rows}
    if rows:
        written = [(*key, amount(value)) for key, value in rows.items()]
        play.take("measures", ("contributor_id", "measure", "start", "end", "value"), written)
    said = [(month, who, name, value) for (who, name, _, _), value in rows.items()]
    play.measures += said
    if month >= play.locked:
        play.facts.measures += said


def consents(play: Play) -> None:
    """They bind what is frozen later."""
    rng = play.rng
    assets = [(r.person, r.asset, r.version) for r in play.facts.records + play.begun.later]
    who, asset, version = rng.choice(assets)
    key = (who, rng.choice([asset, ""]), str(MONTHS[rng.randint(0, play.month)][0]), rng.choice(["", "", version]))
    if f"{key[2]}T00:00:00" > play.story.at.isoformat() or ("consent", *key) in play.said:
        return
    play.said.add(("consent", *key))
    decision = rng.choice(["opt_out", "opt_out", "opt_in"])
    play.take(
        "consents", ("contributor_id", "asset_id", "decision", "effective_at", "scope"),
        [(key[0], key[1], decision, f"{key[2]}T00:00:00Z", key[3])],
    )  # fmt: skip
    play.facts.consents.append((key[0], key[1], decision, key[2], key[3]))


def splits(play: Play) -> None:
    """A new one, as far as there is something left; or one ends."""
    header = ("contributor_id", "payee_id", "share", "start", "end")
    running = [split for split in play.splits if not split.end]
    if running and play.rng.random() < 0.3:
        ending = play.rng.choice(running)
        ending.end = max(play.day(play.month), str(MONTHS[int(ending.start[5:7]) - 1][1]))
        share = amount(ending.millionths)
        play.take("splits", header, [(ending.giver, ending.payee, share, ending.start, ending.end)])
        return
    giver, payee = play.rng.sample(play.begun.people, 2)
    taken = sum(split.millionths for split in play.splits if split.giver == giver)
    millionths = play.rng.choice([250_000, 333_333, 100_000, 500_000, 1_000_000, 1])
    start = play.day(play.rng.randint(0, play.month))
    if taken + millionths > 1_000_000 or ("split", giver, payee, start) in play.said:
        return
    play.said.add(("split", giver, payee, start))
    play.splits.append(Split(giver, payee, millionths, start))
    play.take("splits", header, [(giver, payee, amount(millionths), start, "")])


def rates(play: Play) -> None:
    """Every month has some, from its first day on."""
    rates_of(play, [str(MONTHS[play.month][0]), *(play.day(play.month) for _ in range(2))])


def rates_of(play: Play, days: list[str]) -> None:
    rows = []
    for day in sorted({*days}):
        rows += [(day, "EUR", code, f"{play.rng.uniform(*bounds):.6f}", "ECB") for code, bounds in EUROS.items()]
        rows += [(day, "GBP", "USD", f"{play.rng.uniform(1.2, 1.3):.12f}", "BoE")] * (play.rng.random() < 0.3)
    rows = [row for row in rows if ("rate", *row[:3]) not in play.said]
    play.said |= {("rate", *row[:3]) for row in rows}
    if rows:
        play.take("rates", ("date", "base", "quote", "rate", "source"), rows)
        play.facts.rates += [(day, base, quote, Fraction(rate), source) for day, base, quote, rate, source in rows]


def the_same_file_again(play: Play) -> None:
    """It does nothing."""
    paths = sorted(play.story.folder.glob("sales-*.csv"))
    if paths:
        path = play.rng.choice(paths)
        assert ingest(kind="sales", path=path, act=play.story.act()).seen_before


def a_manifest_is_corrected(play: Play) -> None:
    """Another version of a dataset comes, which no model was trained on; restatements may use it."""
    old = play.rng.choice(sorted({record.version for record in play.facts.records} - {*play.corrected.values()}))
    new = f"{old}-{play.next_number()}"
    play.records(random_records(play.rng, [new], play.begun.people))
    play.corrected[old] = new


def a_model_becomes_known(play: Play) -> None:
    if play.begun.later_month <= play.month and ("later",) not in play.said:
        play.said.add(("later",))
        later_becomes_known(play)
