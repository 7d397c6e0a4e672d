#!/usr/bin/env python3
"""Computes a cycle of revshare again from its audit bundle: Python 3.11 or later and nothing else.

    python3 check_bundle.py BUNDLE.zip

`manage.py export audit-bundle KEY` writes the bundle. Nothing here is taken from the program that made it. Checked
are: the bytes of each file; where the policy has one plain share by assets, that sales come to the pools and that
each contributor's units are the weights'; what each pool keeps and hands on; every amount, by exact largest
remainder; every statement, line by line; every journal, its hash and its place in the chain; and the trees over all
statements up to the signed roots. What it could not compute again it says. Exit status 0: all is right. 1: something
is not. 2: the bundle cannot be read.
"""

import argparse
import csv
import hashlib
import io
import json
import sys
import tomllib
import zipfile
from array import array
from collections import defaultdict
from fractions import Fraction
from itertools import groupby, pairwise

COLUMNS = ("opening", "earned", "adjusted", "withheld", "held", "paid", "closing")


class Wrong(Exception):
    """Something in the bundle is not what it must be."""


def need(condition, words):
    if not condition:
        raise Wrong(words)


class Bundle:
    """The files of a bundle: tables as dictionaries, row by row."""

    def __init__(self, path):
        self.zip = zipfile.ZipFile(path)
        self.facts = json.loads(self.zip.read("bundle.json"))
        need(self.facts.get("format") == "revshare audit bundle 1", "this is no bundle that I know")

    def check_bytes(self):
        for name, expected in self.facts["files"].items():
            digest = hashlib.sha256()
            with self.zip.open(name) as file:
                while block := file.read(1 << 20):
                    digest.update(block)
            need(digest.hexdigest() == expected, f"{name} has other bytes than the bundle says")

    def rows(self, name):
        with self.zip.open(name) as file:
            yield from csv.DictReader(io.TextIOWrapper(file, "utf-8", newline=""))

    def text(self, name):
        return self.zip.read(name).decode()


def micros(row, *names):
    return [int(row[f"{name}_micros"]) for name in names]


# -- Pools ------------------------------------------------------------------------------------------------------------


def check_pools(bundle):
    """What comes into each pool goes out of it; returns the pools by id."""
    pools = {row["id"]: row for row in bundle.rows("pools.csv")}
    for row in pools.values():
        net, carried_in, released = micros(row, "net", "carried_in", "released")
        out = micros(row, "distributable", "commons", "platform", "carried_out")
        need(net + carried_in + released == sum(out), f"pool {row['id']} does not conserve its money")
    return pools


def plain_share(policy):
    """The share of a policy that says no more than that, by its pooling; None for all others."""
    streams = policy.get("streams", {})
    terms = streams.get("default", {})
    known = {"contributor_share", "pooling", "allocation"}
    plain = set(policy) <= {"name", "version", "streams", "payout"} and set(streams) == {"default"}
    if not plain or set(terms) != known or terms["allocation"] != "asset_count":
        return None
    return Fraction(terms["contributor_share"].rstrip("%")) / 100, terms["pooling"]


def check_sales(bundle, pools):
    """Pools from sales, for plain policies; returns whether that could be done."""
    plain = plain_share(tomllib.loads(bundle.text("policy.toml")))
    if plain is None:
        return False
    share, pooling = plain
    trained = bundle.facts["models"]
    net, count = defaultdict(int), 0
    for row in bundle.rows("sales.csv"):
        known = row["dataset_version"] or trained.get(row["model"])
        target = ("", "") if pooling == "single" and known else (row["model"], row["dataset_version"])
        net[(row["currency"], *target)] += int(row["gross"])
        count += 1
    found = {
        (row["currency"], row["model"], row["dataset_version"]): row for row in pools.values() if row["kind"] == "sales"
    }
    for key in net.keys() | found.keys():
        need(key in found, f"sales of {key} are in no pool")
        row = found[key]
        need(int(row["net_micros"]) == net[key], f"the sales of pool {row['id']} come to {net[key]} micros")
        base = int(row["net_micros"]) + int(row["carried_in_micros"])
        shared = max(base, 0) * share.numerator // share.denominator + int(row["released_micros"])
        need(int(row["distributable_micros"]) == shared, f"of pool {row['id']} {shared} micros are to be shared")
    return count


# -- Entries ----------------------------------------------------------------------------------------------------------


class Entries:
    """By pool: who, with what units, got how much; in order of ids, as statements are."""

    def __init__(self):
        self.who = defaultdict(list)
        self.units = defaultdict(lambda: array("q"))
        self.amounts = defaultdict(lambda: array("q"))

    def add(self, row):
        pool = row["pool_id"]
        self.who[pool].append(row["contributor_id"])
        self.units[pool].append(int(row["numerator_ticks"]))
        self.amounts[pool].append(int(row["amount_micros"]))


def split(total, units):
    """Largest remainder: quotas rounded down, one micro each to the largest remainders, ties to whom comes first."""
    whole = sum(units)
    amounts, remainders = [], []
    for place, unit in enumerate(units):
        amount, remainder = divmod(total * unit, whole)
        amounts.append(amount)
        remainders.append((-remainder, place))
    remainders.sort()
    for _, place in remainders[: total - sum(amounts)]:
        amounts[place] += 1
    return amounts


def check_split(bundle, pools, entries):
    """Every pool's amounts; returns of how many pools, under limits of the policy, the sums alone were looked at."""
    policy = tomllib.loads(bundle.text("policy.toml"))
    limited_tables = {name for name, terms in policy.get("streams", {}).items() if {"cap", "floor"} & set(terms)}
    rests = defaultdict(list)
    for row in bundle.rows("rests.csv"):
        rests[row["pool_id"]].append(row)
    only_sums = 0
    for number, pool in pools.items():
        if pool["kind"] != "sales":
            continue
        aside = [row for row in rests[number] if int(row["units"]) or row["reason"] == "over the cap"]
        total, who = int(pool["distributable_micros"]), entries.who[number]
        need(all(one < two for one, two in pairwise(who)), f"pool {number}: somebody stands there twice")
        amounts = [*entries.amounts[number], *(int(row["amount_micros"]) for row in aside)]
        units = [*entries.units[number], *(int(row["units"]) for row in aside)]
        if not sum(units):
            waiting = sum(int(row["amount_micros"]) for row in rests[number] if row["bucket"] == "suspense")
            need(not who and waiting == max(total, 0), f"pool {number} has nobody to share it, and is not in suspense")
            continue
        need(sum(units) == int(pool["denominator_ticks"]), f"pool {number}: units do not come to the denominator")
        need(sum(amounts) == total, f"pool {number}: amounts do not come to what is shared")
        if pool["table"] in limited_tables:
            only_sums += 1
        else:
            need(amounts == split(total, units), f"pool {number}: an amount is not its exact share")
    return only_sums


def check_weights(bundle, pools, entries):
    """Units of pools shared by assets, from the weights of the dataset versions; returns how many pools that was."""
    by_assets = {
        number: json.loads(pool["versions"]) for number, pool in pools.items()
        if pool["kind"] == "sales" and pool["measure"] == "assets" and pool["part"] == "" and entries.who[number]
    }  # fmt: skip
    if plain_share(tomllib.loads(bundle.text("policy.toml"))) is None:
        return 0
    wanted = {version for versions in by_assets.values() for version in versions}
    weights = {version: {} for version in wanted}
    for row in bundle.rows("weights.csv"):
        if row["dataset_version"] in wanted:
            weights[row["dataset_version"]][row["contributor_id"]] = int(row["assets_ticks"])
    for number, versions in by_assets.items():
        held = defaultdict(int)
        for version in versions:
            for contributor, ticks in weights[version].items():
                held[contributor] += ticks
        mine = dict(zip(entries.who[number], entries.units[number], strict=True))
        need(
            mine == {who: ticks for who, ticks in held.items() if ticks},
            f"pool {number}: units are not those of the datasets",
        )
    return len(by_assets)


# -- Statements and trees ---------------------------------------------------------------------------------------------


def statement_text(row, lines, moved, pools, facts, journal):
    amounts = dict(zip(COLUMNS, micros(row, *COLUMNS), strict=True))
    out = [("statement", row["number"]), ("cycle", facts["cycle"]), ("policy", facts["policy_sha256"]),
           ("contributor", row["contributor_id"]), ("currency", row["currency"]), *amounts.items(),
           ("journal", journal)]  # fmt: skip
    for number, line in enumerate(lines, 1):
        pool = pools[line["pool_id"]]
        out.append(("line", number, "earned", pool["table"], pool["model"], pool["dataset_version"], pool["part"],
                    pool["measure"], pool["distributable_micros"], line["numerator_ticks"], pool["denominator_ticks"],
                    line["amount_micros"]))  # fmt: skip
    for number, move in enumerate(moved, len(lines) + 1):
        out.append(("line", number, move["kind"], move["key"], move["amount_micros"]))
    earned, sums = sum(int(line["amount_micros"]) for line in lines), sum(int(move["amount_micros"]) for move in moved)
    need(amounts["earned"] == earned, f"statement {row['number']}: its lines do not come to what was earned")
    need(amounts["closing"] == amounts["opening"] + earned + sums, f"statement {row['number']} does not add up")
    taken = amounts["withheld"] + amounts["held"] + amounts["paid"]
    need(sums == amounts["adjusted"] - taken, f"statement {row['number']}: its columns are not its movements")
    return "".join("\t".join(map(str, fact)) + "\n" for fact in out)


def check_statements(bundle, pools, journal):
    """Every statement from its entries and movements; returns entries, and by currency what the trees are made of."""
    moves = defaultdict(list)
    for row in bundle.rows("movements.csv"):
        moves[row["contributor_id"], row["currency"]].append(row)
    entries, trees = Entries(), defaultdict(list)
    grouped = groupby(bundle.rows("entries.csv"), key=lambda row: row["statement_no"])
    statements = bundle.rows("statements.csv")
    for ordinal, rows in grouped:
        lines, net = [], 0
        for row in rows:
            entries.add(row)
            if pools[row["pool_id"]]["kind"] == "sales":
                lines.append(row)
            else:
                net += int(row["amount_micros"])
        told = next(statements, None)
        need(told is not None and told["ordinal"] == ordinal, f"entries without a statement: {ordinal}")
        moved = moves.pop((told["contributor_id"], told["currency"]), [])
        total = sum(int(move["amount_micros"]) for move in moved)
        need(total == net, f"statement {told['number']}: its movements are not its entry for them")
        text = statement_text(told, lines, moved, pools, bundle.facts, journal)
        content = hashlib.sha256(text.encode()).digest()
        trees[told["currency"]].append((content, int(told["earned_micros"]), max(int(told["closing_micros"]), 0)))
    need(next(statements, None) is None, "a statement without entries")
    need(not moves, "a movement that is on no statement")
    return entries, trees


def is_shy(order):
    """No two neighbours are of one statement, and no two statements are neighbours twice."""
    pairs = {frozenset((one // 2, two // 2)) for one, two in zip(order[::2], order[1::2], strict=True)}
    return len(pairs) == len(order) // 2 and all(len(pair) == 2 for pair in pairs)


def order_of(places, secret, label):
    """The leaves by their places, which are drawn anew until their order is one that hides every amount."""
    again = 0
    while True:
        order = sorted(range(len(places)), key=places.__getitem__)
        if len(places) < 6 or is_shy(order):
            return order
        again, size, places = again + 1, len(places), []
        for first in range(0, size, 8192):
            name = secret + label.encode() + b"\norder " + again.to_bytes(8, "big") + (first // 8192).to_bytes(8, "big")
            drawn = hashlib.shake_256(name).digest(8 * min(8192, size - first))
            places += [drawn[at : at + 8] for at in range(0, len(drawn), 8)]


def root_of(leaves, secret, label):
    """The root over (content, earned, owed) in order of statements; docs/proof.md says how."""
    row, places = [], []
    for first in range(0, len(leaves), 4096):
        block = leaves[first : first + 4096]
        name = secret + label.encode() + b"\n" + (first // 4096).to_bytes(8, "big")
        drawn = hashlib.shake_256(name).digest(64 * len(block))
        for at, (content, earned, owed) in enumerate(block):
            chance = drawn[64 * at : 64 * at + 64]
            mine = (
                int.from_bytes(chance[32:40], "big") % (earned + 1),
                int.from_bytes(chance[40:48], "big") % (owed + 1),
            )
            for part, (e, o) in enumerate((mine, (earned - mine[0], owed - mine[1]))):
                amounts = e.to_bytes(8, "big") + o.to_bytes(8, "big")
                salt = chance[16 * part : 16 * part + 16]
                digest = hashlib.sha256(b"\x01" + salt + bytes([part]) + content + amounts).digest()
                places.append(chance[48 + 8 * part : 56 + 8 * part])
                row.append((digest + amounts, e, o))
    row = [row[leaf] for leaf in order_of(places, secret, label)]
    while len(row) > 1:
        if len(row) % 2:
            row.append((bytes(48), 0, 0))
        above = []
        for (one, e1, o1), (two, e2, o2) in zip(row[::2], row[1::2], strict=True):
            digest = hashlib.sha256(b"\x02" + one + two).digest()
            above.append((digest + (e1 + e2).to_bytes(8, "big") + (o1 + o2).to_bytes(8, "big"), e1 + e2, o1 + o2))
        row = above
    return row[0][0][:32].hex(), row[0][1], row[0][2]


def check_trees(bundle, trees):
    secret = bytes.fromhex(bundle.text("secret.txt").strip())
    facts = [line.split("\t") for line in bundle.text("commitment.txt").splitlines()]
    said = {fact[1]: fact[2:] for fact in facts if fact[0] == "tree"}
    need(said.keys() == trees.keys(), "the commitment names other currencies")
    for currency, leaves in trees.items():
        root, earned, owed = root_of(leaves, secret, f"{bundle.facts['cycle']} {currency}")
        need(
            said[currency] == [str(len(leaves)), str(earned), str(owed), root],
            f"the tree in {currency} has another root",
        )
    return facts


# -- Journals ---------------------------------------------------------------------------------------------------------


def quoted(*values):
    return ",".join('"' + str(value).replace('"', '""') + '"' for value in values) + "\n"


def check_journals(bundle):
    """Each journal balances, has its hash and follows on the one before; returns the hash of the allocation's."""
    legs = defaultdict(list)
    for row in bundle.rows("legs.csv"):
        legs[row["journal_id"]].append((row["account"], row["currency"], row["side"], row["amount_micros"]))
    accounts = list(bundle.rows("accounts.csv"))
    before, own, count = None, "", 0
    for row in bundle.rows("journals.csv"):
        mine = [quoted(*leg) for leg in legs[row["seq"]]]
        sums = defaultdict(int)
        for _, currency, side, amount in legs[row["seq"]]:
            sums[currency] += int(amount) if side == "D" else -int(amount)
        if row["kind"] == "allocation" and row["key"] == bundle.facts["cycle"]:
            own = row["hash"]
            for item in accounts:
                sums[item["currency"]] -= int(item["earned_micros"])
                mine.append(quoted("payable", item["currency"], "C", item["earned_micros"], item["accounts"],
                                   item["credited"], item["sha256"]))  # fmt: skip
        elif row["kind"] == "allocation":
            before = (int(row["seq"]), row["hash"])
            continue  # another cycle's: its accounts are in that one's bundle
        need(not any(sums.values()), f"journal {row['seq']} does not balance")
        digest = hashlib.sha256("".join(mine).encode()).hexdigest()
        values = [row["prev_hash"], row["seq"], row["kind"], row["key"], row["posted_at"],
                  row["created_by"], row["reverses_id"], row["legs_count"], digest]  # fmt: skip
        found = hashlib.sha256("".join(f"{value}\n" for value in values).encode()).hexdigest()
        need(found == row["hash"], f"journal {row['seq']} has another hash")
        if before and before[0] == int(row["seq"]) - 1:
            need(row["prev_hash"] == before[1], f"journal {row['seq']} does not follow on the one before")
        before, count = (int(row["seq"]), row["hash"]), count + 1
    return own, count


# -- All of it --------------------------------------------------------------------------------------------------------


def check(path):
    """Yields a sentence for every check that passed; raises Wrong at the first that did not."""
    bundle = Bundle(path)
    bundle.check_bytes()
    policy = bundle.text("policy.toml")
    need(hashlib.sha256(policy.encode()).hexdigest() == bundle.facts["policy_sha256"], "the policy is another")
    yield f"Cycle {bundle.facts['cycle']}: {len(bundle.facts['files'])} files have the bytes that the bundle says."
    pools = check_pools(bundle)
    sales = check_sales(bundle, pools)
    yield f"{len(pools)} pools conserve their money." + (
        f" {sales:,} sales come to them, and the policy's share of each is shared."
        if sales is not False
        else " Not computed again: how sales come to pools (this policy says more than one share)."
    )
    journal, journals = check_journals(bundle)
    yield f"{journals} journals balance and have their hashes."
    entries, trees = check_statements(bundle, pools, journal)
    told, made = sum(map(len, trees.values())), sum(map(len, entries.who.values()))
    yield f"{told:,} statements follow from {made:,} entries, line by line."
    limited = check_split(bundle, pools, entries)
    yield "Every amount is its exact share of its pool." + (
        f" Of {limited} pools under a cap or a floor only the sums." if limited else ""
    )
    weighed = check_weights(bundle, pools, entries)
    yield (
        f"The units of {weighed} pools are those of their dataset versions."
        if weighed
        else ("Not computed again: units (this policy shares by more than assets).")
    )
    facts = check_trees(bundle, trees)
    need(["result", bundle.facts["result_digest"]] in facts, "the commitment is over another result")
    need(["journal", journal] in facts, "the commitment is over another journal")
    yield "The trees over all statements have the roots that were signed."


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bundle")
    given = parser.parse_args(arguments)
    try:
        for sentence in check(given.bundle):
            print("ok    " + sentence, flush=True)
    except Wrong as error:
        print(f"WRONG {error}.")
        return 1
    except (OSError, zipfile.BadZipFile) as error:
        print(f"Cannot read it: {error}", file=sys.stderr)
        return 2
    except (KeyError, IndexError, TypeError, ValueError) as error:
        print(f"WRONG the bundle is damaged ({type(error).__name__}: {error}).")
        return 1
    print("The cycle's figures follow from what the bundle has.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
