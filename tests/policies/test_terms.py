"""Rule tables: what they may say, what they mean in words, which mistakes are named."""

from datetime import date
from fractions import Fraction

import pytest

from revshare.policies.rules import BadPolicy, parse
from revshare.policies.terms import Rate, Terms, Tier

HEAD = 'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\n'
PLAIN = 'pooling = "per_model"\nallocation = "asset_count"\n'
FACTORS = 'pooling = "single"\nallocation = "factors"\n'
T = "streams.default"


def terms(text: str) -> Terms:
    return parse(HEAD + text).tables["default"]


def test_every_key_is_read() -> None:
    read = terms(
        FACTORS + 'base = "net"\ncommons = "1%"\ncap = "2.5%"\nfloor = "0.01"\nmin_assets = 3\n'
        f'[{T}.factors]\nassets = "50%"\n"measure:own revenue" = "50%"\n[{T}.directed]\nmodified = "5%"\nstyle = "10%"\n'
        f'[[{T}.rates]]\nfrom = 2026-06-15\nplan = "pro"\ncontributor_share = "30%"\n'
    )
    assert (read.share, read.base, read.allocation, read.pooling) == (Fraction(1, 5), "net", "factors", "single")
    assert (read.commons, read.cap, read.floor_micros) == (Fraction(1, 100), Fraction(1, 40), 10_000)
    assert read.min_assets == 3
    assert read.factors == (("assets", Fraction(1, 2)), ("measure:own revenue", Fraction(1, 2)))
    assert read.directed == (("style", Fraction(1, 10)), ("modified", Fraction(1, 20)))
    assert read.rates == (Rate(Fraction(3, 10), date(2026, 6, 15), "pro"),)
    tiers = terms(PLAIN + f'[[{T}.tiers]]\nabove = "10"\ncontributor_share = "30%"\n').tiers
    assert tiers == (Tier(10_000_000, Fraction(3, 10)),)


def test_a_plan_with_a_quota_is_read_and_told() -> None:
    text = PLAIN.replace("asset_count", "by_usage")
    read = terms(
        text + f'[[{T}.rates]]\nplan = "pro"\ncontributor_share = "30%"\nquota = 1000\nover = "40%"\n'
        f'[[{T}.rates]]\nplan = "free"\ncontributor_share = "0%"\ncounts_use = false\n'
    )
    pro, free = read.rates
    assert (pro.quota, pro.over, free.quota, free.counts_use) == (1000, Fraction(2, 5), 0, False)
    assert [rate and rate.label for rate in read.every_rate] == [None, "pro", "free", "pro over quota"]
    assert pro.beyond.share == Fraction(2, 5)
    assert "Of what a customer uses in a cycle beyond 1,000 units on the plan pro, 40%." in read.sentences
    assert "What customers use who have the plan free only does not count." in read.sentences


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAIN + 'base = "nett"\n', "base is 'nett'; it can be gross or net"),
        (PLAIN + "cap = 0.4\n", "cap as text in quotes"),
        (PLAIN + 'commons = "101%"\n', "commons: .* more than 100%"),
        (PLAIN + 'floor = "-1"\n', "floor must not be negative"),
        (PLAIN + 'floor = "1.0000001"\n', "floor: "),
        (PLAIN + 'min_assets = "2"\n', "min_assets must be a whole number"),
        (PLAIN + "min_assets = true\n", "min_assets must be a whole number"),
        (PLAIN + "min_assets = -1\n", "min_assets must be a whole number"),
        (PLAIN + "rates = 1\n", "rates must be tables in double brackets"),
        (PLAIN + f'[[{T}.rates]]\ncontributor_share = "1%"\n', "number 1 needs `from`, `plan` or both"),
        (PLAIN + f'[[{T}.rates]]\nfrom = "2026-06-15"\ncontributor_share = "1%"\n', "from must be a date such as"),
        (PLAIN + f'[[{T}.rates]]\nfrom = 2026-06-15T00:00:00Z\ncontributor_share = "1%"\n', "from must be a date"),
        (PLAIN + f'[[{T}.rates]]\nplan = ""\ncontributor_share = "1%"\n', "needs plan as text"),
        (PLAIN + f'[[{T}.rates]]\nplan = "a"\nshare = "1%"\n', "not known: share"),
        (PLAIN + f'[[{T}.rates]]\nplan = "a"\ncontributor_share = "1%"\n' * 2, "two rates for the same plan"),
        *(
            (PLAIN + f'[[{T}.rates]]\nplan = "{plan}"\ncontributor_share = "1%"\n', "is how a part of a pool is named")
            for plan in ("outputs", "assets", "weight", "directed:style", "measure:x", "mix:v", "a · outputs")
        ),
        *(
            (PLAIN + f'[[{T}.rates]]\ncontributor_share = "1%"\n{keys}', said)
            for keys, said in (
                ('plan = "a"\nquota = 5\n', "comes with the share `over` it"),
                ('plan = "a"\nover = "5%"\n', "comes with the share `over` it"),
                ('plan = "a"\nquota = 0\nover = "5%"\n', "is 1 or more"),
                ('from = 2026-06-15\nquota = 5\nover = "5%"\n', "a quota is of a `plan`"),
                ('plan = "a"\nquota = "5"\nover = "5%"\n', "quota must be a whole number"),
                ('plan = "a over quota"\n', "rename the plan"),
                ('plan = "a"\ncounts_use = false\n', "is for fees that go by use"),
                ('plan = "a"\ncounts_use = "no"\n', "must be true or false"),
                ('from = 2026-06-15\ncounts_use = false\n', "`counts_use` is of a `plan`"),
                (f'plan = "a"\nquota = 5\nover = "5%"\n[{T}.directed]\nstyle = "5%"\n', "cannot have directed parts"),
            )
        ),
        (PLAIN + f'[[{T}.tiers]]\nabove = "0"\ncontributor_share = "1%"\n', "more than 0 and rise"),
        (PLAIN + f'[[{T}.tiers]]\nabove = "5"\ncontributor_share = "1%"\n' * 2, "more than 0 and rise"),
        (PLAIN + f'[[{T}.tiers]]\ncontributor_share = "1%"\n', "more than 0 and rise"),
        (PLAIN + f'[[{T}.tiers]]\nabove = 5\ncontributor_share = "1%"\n', "above as text in quotes"),
        (
            PLAIN + f'[[{T}.tiers]]\nabove = "5"\ncontributor_share = "1%"\n'
            f'[[{T}.rates]]\nplan = "a"\ncontributor_share = "1%"\n', "rates or tiers, not both",
        ),
        (FACTORS, 'needs factors with allocation = "factors"'),
        (PLAIN + f'[{T}.factors]\nassets = "100%"\n', 'needs factors with allocation = "factors"'),
        (FACTORS + f'[{T}.factors]\nassets = "50%"\nweight = "49.999999%"\n', "add up to 100%"),
        (FACTORS + f'[{T}.factors]\nassets = "100%"\nweight = "0%"\n', "more than 0% each"),
        (FACTORS + f'[{T}.factors]\nasset = "100%"\n', r"can be assets, weight or .*\(found asset\)"),
        (FACTORS + f'[{T}.factors]\n"measure: " = "100%"\n', "can be assets, weight or"),
        (PLAIN + f'[{T}.directed]\noutput = "1%"\n', "directed has keys that are not known: output"),
        (PLAIN + f'[{T}.directed]\nstyle = "60%"\nmodified = "50%"\n', "more than 100% of a sale together"),
        ('pooling = "single"\nallocation = "by_usage"\n', 'pooling must be "per_model"'),
        ('pooling = "single"\nallocation = "user_centric"\n', 'pooling must be "per_model"'),
        *(
            (f'pooling = "per_model"\nallocation = "{routed}"\n[{T}.directed]\nstyle = "1%"\n', "cannot have directed")
            for routed in ("by_usage", "user_centric")
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(BadPolicy, match=said) as refused:
        terms(text)
    assert "[streams.default]" in str(refused.value)


@pytest.mark.parametrize(
    ("plan", "day", "share"),
    [
        ("", date(2026, 6, 14), None), ("", date(2026, 6, 15), 30), ("", date(2026, 8, 1), 10), ("pro", date(2026, 1, 1), 40),
        ("pro", date(2026, 8, 1), 40), ("pro", date(2026, 9, 1), 50), ("free", date(2026, 9, 1), 10),
    ],
)  # fmt: skip
def test_the_rate_that_names_the_plan_comes_first_then_the_latest(plan: str, day: date, share: int | None) -> None:
    rates = "".join(
        f'[[{T}.rates]]\n{rule}\ncontributor_share = "{percent}%"\n'
        for rule, percent in (
            ("from = 2026-06-15", 30), ('plan = "pro"', 40), ('plan = "pro"\nfrom = 2026-09-01', 50), ("from = 2026-07-01", 10),
        )
    )  # fmt: skip
    found = terms(PLAIN + rates).rate_for(day=day, plan=plan)
    assert (found.share * 100 if found else None) == share


def test_a_table_in_plain_language() -> None:
    plain = terms(PLAIN)
    assert plain.sentences == [
        "Contributors get 20% of sales less refunds.",
        "There is a pool for each model or dataset version: each asset counts the same.",
    ]
    assert plain.words == "20% of net sales × (your assets ÷ all assets in the model's dataset versions)"
    every = terms(
        FACTORS + 'base = "net"\ncommons = "1%"\ncap = "2.5%"\nfloor = "0.5"\nmin_assets = 3\n'
        f'[{T}.factors]\nweight = "25%"\n"measure:views" = "75%"\n[{T}.directed]\nstyle = "10%"\nmodified = "5%"\n'
        f'[[{T}.rates]]\nfrom = 2026-06-15\nplan = "pro"\ncontributor_share = "30%"\n'
    )
    assert every.sentences == [
        "Contributors get 20% of sales less refunds, tax and fees.",
        "30% instead for sales on the plan pro from 2026-06-15 on.",
        "Before that, 10% of a sale goes to whom its prompt names in style.",
        "Before that, 5% of a sale goes to whom its customer modified the image of.",
        "There is one pool in each currency: the pool is divided between several measures.",
        "75% of a pool is shared by views of the period.",
        "25% of a pool is shared by weight.",
        "1% of what contributors would get goes to the commons fund.",
        "Nobody gets more than 2.5% of a pool; the others share the excess.",
        "Nobody in a pool gets less than 0.5, if there is enough for all.",
        "Whoever has fewer than 3 assets in a pool's datasets gets nothing of it.",
    ]
    tiers = terms(PLAIN + f'[[{T}.tiers]]\nabove = "1000"\ncontributor_share = "30%"\n')
    assert "30% of what a pool takes in beyond 1000." in tiers.sentences
    used = terms('pooling = "per_model"\nallocation = "user_centric"\n')
    assert used.sentences[-1].startswith("There is a pool for each model that was used: each customer's fee")


@pytest.mark.parametrize(
    ("measure", "part", "words"),
    [
        ("assets", Fraction(1), "20% of net sales × (your assets ÷ all assets in all dataset versions)"),
        ("weight", Fraction(1, 8), "20% of net sales × 12.5% × (your weight ÷ all weight in all dataset versions)"),
        ("measure:views", Fraction(1, 2), "20% of net sales × 50% × (your views ÷ all views)"),
        ("outputs", Fraction(1), "20% of what outputs were attributed × (attributed to you ÷ attributed to all)"),
        ("directed:style", Fraction(1), "20% of the sales whose style was asked for, before the pool × (your part ÷ all parts)"),
        ("directed:modified", Fraction(1), "20% of the sales whose image was modified, before the pool × (your part ÷ all parts)"),
    ],
)  # fmt: skip
def test_the_words_on_a_statement(measure: str, part: Fraction, words: str) -> None:
    single = terms('pooling = "single"\nallocation = "asset_count"\n')
    assert single.words_of("20%", measure, part) == words
