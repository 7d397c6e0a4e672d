"""Random small marketplaces: all methods and keys of a policy, sales and refunds, and all that these are shared by."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from tests.cycles.slow_rules import Record, Sold, World

PEOPLE = ("ann", "ben", "cy", "di")
VERSIONS = ("d1", "d2", "m1")  # one of them is called like a model, which is something else
MODELS = ("m1", "m2", "m3")
ROUTED = ("by_usage", "user_centric")
ALLOCATIONS = ("asset_count", "weighted", "factors", "per_output", *ROUTED)
STREAMS = ("default", "other", "third")
DAYS = ("2026-06-03", "2026-06-20", "2026-07-05", "2026-07-12")
SHARES = ("20%", "33.333333%", "100%", "7.5%")
FACTORS = (
    'assets = "50%"\n"measure:revenue" = "50%"\n', 'assets = "33.333333%"\nweight = "66.666667%"\n',
    '"measure:revenue" = "10%"\n"measure:views" = "20%"\nweight = "70%"\n',
)  # fmt: skip
RATES = (
    '[[streams.{0}.rates]]\nfrom = 2026-06-15\ncontributor_share = "30%"\n',
    '[[streams.{0}.rates]]\nplan = "pro"\ncontributor_share = "41%"\n',
    '[[streams.{0}.rates]]\nplan = "pro"\nfrom = 2026-07-10\ncontributor_share = "0%"\n',
)
QUOTAS = (
    '[[streams.{0}.rates]]\nplan = "pro"\ncontributor_share = "41%"\nquota = 7\nover = "12.5%"\n',
    '[[streams.{0}.rates]]\nplan = "free"\ncontributor_share = "10%"\nquota = 20\nover = "0%"\n{1}',
)
TIERS = (
    '[[streams.{0}.tiers]]\nabove = "0.3"\ncontributor_share = "30%"\n',
    '[[streams.{0}.tiers]]\nabove = "0.7"\ncontributor_share = "66.6%"\n',
)
ELIGIBILITY = (
    'excluded_licences = ["editorial"]', 'media_types = ["image", ""]', 'commons_licences = ["cc0"]',
    'licences = ["std", ""]', 'commons_contributors = ["cy"]', 'excluded_contributors = ["di"]', 'opted_out = "pay"',
    'opted_out = "hold"', 'opted_out = "exclude"',
)  # fmt: skip
Draw = Any


def _some(draw: Draw, *choices: str) -> str:
    """One of these, or nothing."""
    return str(draw(st.sampled_from(["", *choices])))


def _table(draw: Draw, name: str, pooling: str) -> str:
    allocation = draw(st.sampled_from(ALLOCATIONS))
    pooling = "per_model" if allocation in ROUTED else pooling or draw(st.sampled_from(["single", "per_model"]))
    text = f'[streams.{name}]\nallocation = "{allocation}"\npooling = "{pooling}"\n'
    text += f'contributor_share = "{draw(st.sampled_from(SHARES))}"\n'
    text += _some(draw, 'base = "net"\n') + _some(draw, 'commons = "10%"\n') + _some(draw, "min_assets = 2\n")
    text += _some(draw, 'cap = "40%"\n', 'cap = "12.345678%"\n') + _some(draw, 'floor = "0.003"\n', 'floor = "0.03"\n')
    if allocation == "factors":
        text += f"[streams.{name}.factors]\n{draw(st.sampled_from(FACTORS))}"
    quotas = allocation != "per_output" and not draw(st.integers(0, 2))
    if allocation not in ROUTED and not quotas and draw(st.booleans()):
        text += f'[streams.{name}.directed]\nstyle = "10%"\n' + _some(draw, 'modified = "33.3%"\n')
    bands = QUOTAS if quotas else draw(st.sampled_from([(), RATES, TIERS]))
    free = "counts_use = false\n" if allocation in ROUTED and draw(st.booleans()) else ""
    return text + "".join(band.format(name, free) for band in bands)


def _policy(draw: Draw, pooling: str) -> str:
    text = 'name = "p"\nversion = "1"\n' + "".join(_table(draw, name, pooling) for name in STREAMS)
    chosen = draw(st.lists(st.sampled_from(ELIGIBILITY), max_size=3, unique_by=lambda line: line.split()[0]))
    return text + "[eligibility]\n" + "".join(f"{line}\n" for line in chosen)


@st.composite
def _records(draw: Draw) -> list[Record]:
    assets = draw(
        st.lists(
            st.tuples(st.sampled_from(VERSIONS), st.sampled_from("abcdef")),
            unique=True, max_size=9,
        )
    )  # fmt: skip
    plain = draw(st.booleans())
    records = []
    for version, asset in assets:
        weight = draw(st.sampled_from(["1", "2.5", "0.125", "0", "7"]))  # of the asset, whoever's it is
        for person in sorted(draw(st.sets(st.sampled_from(PEOPLE), min_size=1, max_size=3))):
            said = (
                "" if plain else draw(st.sampled_from(["", "std", "cc0", "editorial"])),
                not plain and draw(st.integers(0, 7)) == 0, "" if plain else _some(draw, "image", "video"),
            )  # fmt: skip
            records.append(Record(version, asset, person, Fraction(weight), *said))
    return records


@st.composite
def _consents(draw: Draw) -> list[tuple[str, str, str, str, str]]:
    about = st.tuples(
        st.sampled_from(PEOPLE), st.sampled_from(["", "a", "b"]), st.sampled_from(["opt_out", "opt_out", "opt_in"]),
        st.sampled_from(["2026-01-01", "2026-02-01"]), st.sampled_from(["", "d1"]),
    )  # fmt: skip
    return list(draw(st.lists(about, max_size=3, unique_by=lambda row: (row[0], row[1], row[3], row[4]))))


@st.composite
def _sale(draw: Draw, number: int) -> Sold:
    day = draw(st.sampled_from(DAYS))
    cycle = 1 if day >= "2026-07" else draw(st.sampled_from([0, 0, 0, 1]))  # 1: it came after June was closed
    customer = _some(draw, "k1", "k2", "k3")
    targets = [*((model, "") for model in ("m1", "m2", "m2", "m3", "unheard")), ("", "d1"), ("", "m1"), ("", "d9")]
    target = draw(st.sampled_from([*targets, ("", "")] if customer else targets))
    fees, tax = draw(st.sampled_from([(None, None), (31, None), (1_234, 567), (None, 99)]))
    micros = draw(st.integers(2_000, 900_000)) if draw(st.integers(0, 9)) else 0
    return Sold(
        f"s{number}", cycle, day, draw(st.sampled_from(["generation", "other", "third"])), target,
        draw(st.sampled_from(["USD", "USD", "EUR"])), micros, fees, tax, customer, _some(draw, "pro", "free"),
    )  # fmt: skip


@st.composite
def worlds(draw: Draw, pooling: str = "", refunds: bool = True) -> World:
    """`pooling`: of the tables that may have either; any if blank."""
    sales = [draw(_sale(number)) for number in range(draw(st.integers(1, 9)))]
    scored = [sale.sale_id for sale in sales]
    mix = draw(st.booleans())
    world = World(
        policy=_policy(draw, pooling), records=draw(_records()), consents=draw(_consents()),
        models=[("m1", "d1", ""), ("m2", "d1", "0.3" if mix else ""), ("m2", "d2", "0.45" if mix else ""), ("m3", "m1", "")],
        usage=draw(st.lists(st.tuples(
            st.integers(0, 1), st.sampled_from(["k1", "k2"]), st.sampled_from(MODELS), st.integers(1, 50)
        ), max_size=5, unique_by=lambda row: row[:3])),
        measures=draw(st.lists(st.tuples(
            st.integers(0, 1), st.sampled_from(PEOPLE), st.sampled_from(["revenue", "views"]), st.integers(0, 10**7)
        ), max_size=6, unique_by=lambda row: row[:3])),
    )  # fmt: skip
    for role in ("output", "style", "modified"):
        for sale in draw(st.lists(st.sampled_from(scored), unique=True, max_size=5)):
            people = draw(st.lists(st.sampled_from(PEOPLE), unique=True, min_size=1, max_size=2))
            scores = draw(st.sampled_from([("0.5", "0.25"), ("0.333333", "0.666667"), ("1", "0"), ("0.1", "0.000001")]))
            world.outputs += [(sale, who, role, Fraction(text)) for who, text in zip(people, scores, strict=False)]
    world.sales = [row for sale in sales for row in (sale, *(draw(_refunds(sale)) if refunds else ()))]
    return world


@st.composite
def _refunds(draw: Draw, sale: Sold) -> list[Sold]:
    """None; all of it, at once or later; half of it; or half, and later the rest with fees of its own."""
    half = -(sale.micros // 2)
    first = replace(sale, sale_id=f"{sale.sale_id}r", refund_of=sale.sale_id, fees=None, tax=None, micros=-sale.micros)
    later = replace(first, cycle=1, day="2026-07-20")
    rest = replace(later, sale_id=f"{sale.sale_id}q", micros=-sale.micros - half, fees=-17)
    kinds = [[], [], [first], [later], [replace(first, micros=half)], [replace(later, micros=half)]]
    return list(draw(st.sampled_from([*kinds, [replace(first, micros=half), rest]])))


def refunded(world: World, *, later: int) -> World:
    """Every sale with its full refund: in the same cycle (0) or in the one after (1), all sales being June's. A sale of
    nothing has no refund that could take its fees along: it is left out."""
    sales = []
    for sale in [sale for sale in world.sales if sale.micros]:
        june = replace(sale, cycle=0, day=min(sale.day, "2026-06-20"))
        refund = replace(
            june, sale_id=f"{sale.sale_id}r", refund_of=sale.sale_id, fees=None, tax=None, micros=-sale.micros,
            cycle=later, day="2026-07-20" if later else "2026-06-29",
        )  # fmt: skip
        sales += [june, refund]
    return replace(world, sales=sales)
