"""What a random world is made of at its beginning: people, models, records, policies. The seed decides all of it."""

import random
from dataclasses import dataclass, field
from fractions import Fraction

from tests.cycles.slow_rules import Record
from tests.cycles.worlds import ALLOCATIONS, ELIGIBILITY, FACTORS, QUOTAS, RATES, ROUTED, SHARES, STREAMS, TIERS

PEOPLE = ("ann", "ben", "cy", "di", "eve", "flo", "gus", "hal", "ida", "jon", "kim", "lea")
CUSTOMERS = ("k1", "k2", "k3")
CURRENCIES = ("USD", "EUR", "GBP", "JPY")
ZONES = ("UTC", "UTC", "Europe/Madrid", "Pacific/Auckland", "America/New_York")
UNKNOWN = (("unheard", ""), ("typo", ""), ("", "d9"))
LATER = "m9"  # a model that sales name before anybody tells what it was trained on
MINIMUMS = ("0", "0.05", "3", "40")


@dataclass
class Beginning:
    """`payees`: of those told of in a contributors file, blank if they have none; the others are known from manifests
    only. `later`: what becomes known of the model LATER, in the month `later_month`."""

    people: list[str]
    payees: dict[str, str]
    currencies: list[str]
    zone: str
    models: list[tuple[str, str, str]]
    records: list[Record]
    later: list[Record]
    later_month: int
    policies: list[str]
    policy_of: list[int] = field(default_factory=list)


def beginning(rng: random.Random) -> Beginning:
    people = sorted(rng.sample(PEOPLE, rng.randint(3, 12)))
    told = [who for who in people if rng.random() < 0.8]
    versions = [f"d{n}" for n in range(1, rng.randint(1, 3) + 1)] + ["m1"] * (rng.random() < 0.4)
    models = _models(rng, versions)
    pools = rng.choice(CURRENCIES) if rng.random() < 0.4 else ""
    policies = [_policy(rng, f"p{n}", pools) for n in range(rng.choice([1, 2]))]
    changed = rng.randint(2, 10) if len(policies) > 1 else 12
    return Beginning(
        people=people, payees={who: f"P-{who}" if rng.random() < 0.85 else "" for who in told},
        currencies=rng.sample(CURRENCIES, rng.randint(1, 3)), zone=rng.choice(ZONES), models=models,
        records=random_records(rng, versions, people), later=random_records(rng, ["d8"], people), later_month=rng.randint(3, 14),
        policies=policies, policy_of=[int(month >= changed) for month in range(12)],
    )  # fmt: skip


def _models(rng: random.Random, versions: list[str]) -> list[tuple[str, str, str]]:
    rows = []
    for number in range(1, rng.randint(1, 4) + 1):
        own = sorted(rng.sample(versions, rng.randint(1, len(versions))))
        mixed = len(own) > 1 and rng.random() < 0.4
        mixes = rng.choice([("0.3", "0.45", "0.05", "1"), ("0.5", "0.5", "0.5", "0.5")]) if mixed else ("",) * 4
        rows += [(f"m{number}", version, mix) for version, mix in zip(own, mixes, strict=False)]
    return rows


def random_records(rng: random.Random, versions: list[str], people: list[str]) -> list[Record]:
    plain = rng.random() < 0.5
    records = []
    for version in versions:
        for asset in rng.sample("abcdefgh", rng.randint(1, 6)):
            weight = Fraction(rng.choice(["1", "1", "2.5", "0.125", "0", "7"]))
            for who in sorted(rng.sample(people, rng.choice([1, 1, 1, 2, 3]))):
                said = (
                    "" if plain else rng.choice(["", "std", "cc0", "editorial"]), not plain and rng.random() < 0.1,
                    "" if plain else rng.choice(["", "", "image", "video"]),
                )  # fmt: skip
                records.append(Record(version, asset, who, weight, *said))
    return records


def _policy(rng: random.Random, name: str, pools: str) -> str:
    text = f'name = "{name}"\nversion = "1"\n'
    text += f'[payout]\ndefault_minimum = "{rng.choice(MINIMUMS)}"\n' + _some(rng, "hold_new_payee_days = 45\n", 0.2)
    if pools and rng.random() < 0.8:
        rate = rng.choice(["day", "period_end", "average"])
        age = "" if rate == "average" else "max_age_days = 31\n"
        text += f'[currency]\npools = "{pools}"\nrate = "{rate}"\n{age}' + _some(rng, 'source = "ECB"\n', 0.3)
    text += _some(rng, f'[reserve]\nshare = "{rng.choice(["10%", "33.333333%"])}"\ncycles = {rng.randint(1, 4)}\n', 0.4)
    text += _some(rng, _recoupment(rng), 0.5)
    text += "".join(_table(rng, stream) for stream in STREAMS if stream == "default" or rng.random() < 0.7)
    chosen = {line.split()[0]: line for line in rng.sample(ELIGIBILITY, rng.choice([0, 0, 1, 2, 3]))}
    return text + "[eligibility]\n" + "".join(f"{line}\n" for line in chosen.values())


def _recoupment(rng: random.Random) -> str:
    limits = rng.choice(["", 'at_most = {USD = "0.5", JPY = "2000"}\n'])
    return f'[recoupment]\ncap = "{rng.choice(["25%", "100%", "12.5%"])}"\nnotice_days = {rng.choice([0, 14, 45])}\n{limits}'


def _some(rng: random.Random, text: str, chance: float) -> str:
    return text if rng.random() < chance else ""


def _table(rng: random.Random, stream: str) -> str:
    allocation = rng.choice(ALLOCATIONS)
    pooling = "per_model" if allocation in ROUTED else rng.choice(["single", "per_model"])
    text = f'[streams.{stream}]\nallocation = "{allocation}"\npooling = "{pooling}"\n'
    text += f'contributor_share = "{rng.choice(SHARES)}"\n' + _some(rng, 'base = "net"\n', 0.4)
    text += _some(rng, 'commons = "10%"\n', 0.3) + _some(rng, "min_assets = 2\n", 0.2)
    text += _some(rng, f'cap = "{rng.choice(["40%", "12.345678%"])}"\n', 0.25)
    text += _some(rng, f'floor = "{rng.choice(["0.003", "0.03", "2"])}"\n', 0.25)
    if allocation == "factors":
        text += f"[streams.{stream}.factors]\n{rng.choice(FACTORS)}"
    bands = rng.choice([(), (), RATES, TIERS] + [QUOTAS] * (allocation != "per_output"))
    if allocation not in ROUTED and bands is not QUOTAS and rng.random() < 0.4:
        text += f'[streams.{stream}.directed]\nstyle = "10%"\n' + _some(rng, 'modified = "33.3%"\n', 0.5)
    free = _some(rng, "counts_use = false\n", 0.5) if allocation in ROUTED else ""
    return text + "".join(band.format(stream, free) for band in bands)
