#!/usr/bin/env python3
"""Checks a statement of revshare without revshare: Python 3.9 or later and nothing else.

    python3 verify_statement.py STATEMENT.proof.json [--key HEX] [--commitment FILE]

It reads the file that the statement's page offers under "Download the proof", and checks that the statement adds up;
that it is in the tree of all statements of its cycle, so that its amounts are in the published totals; that these
totals are what came in, less what went elsewhere; and that all of it was signed. `--key`: the public key that the
marketplace publishes; `--commitment`: the cycle's commitment as downloaded from its public page, to be the same as in
the file.

How it is done is told in docs/proof.md; nothing here is taken from the code that makes the proofs. Exit status 0: every
check passed. 1: one did not. 2: the file cannot be read.
"""

import argparse
import hashlib
import json
import sys

MAX_SUM = 2**63 - 1
PROOF, COMMITMENT = "revshare statement proof 1", "revshare commitment 1"


class Wrong(Exception):
    """A check did not pass."""


def need(condition, words):
    if not condition:
        raise Wrong(words)


# -- Ed25519, as RFC 8032 (section 5.1.7 and its appendix) says -------------------------------------------------------

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def add(one, two):
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def point_of(data):
    """The point that 32 bytes stand for, or None."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    squared = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(squared, (P + 3) // 8, P)
    if x * x % P != squared:
        x = x * ROOT % P
    if x * x % P != squared or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signed(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    owner, first, second = point_of(key), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if owner is None or first is None or second >= Q:
        return False
    drawn = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    left, right = times(second, BASE), add(first, times(drawn, owner))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# -- The statement ----------------------------------------------------------------------------------------------------

AMOUNTS = ("opening", "earned", "adjusted", "withheld", "held", "paid", "closing")


def whole(text, words, least=None):
    digits = text[1:] if isinstance(text, str) and text.startswith("-") else text
    need(isinstance(digits, str) and digits.isascii() and digits.isdigit(), words + " is not a proper number")
    value = int(text)
    need(str(value) == text and (least is None or value >= least), words + " is not a proper number")
    return value


def facts_of(text):
    """The lines of a text, each split at its tabs."""
    need(text.endswith("\n"), "a text of the proof is cut off")
    return [line.split("\t") for line in text[:-1].split("\n")]


def check_statement(text):
    """The statement adds up, and each line is its share of its pool; returns its facts."""
    facts = facts_of(text)
    single = {}
    for fact in facts:
        if fact[0] != "line":
            need(len(fact) == 2 and fact[0] not in single, f"the statement says {fact[0]!r} twice")
            single[fact[0]] = fact[1]
    missing = {"statement", "cycle", "policy", "contributor", "currency", "journal", *AMOUNTS} - set(single)
    need(not missing, "the statement does not say " + ", ".join(sorted(missing)))
    money = {name: whole(single[name], name) for name in AMOUNTS}
    out = money["withheld"] + money["held"] + money["paid"]
    need(
        money["closing"] == money["opening"] + money["earned"] + money["adjusted"] - out,
        "the statement's columns do not come to its closing balance",
    )
    earned = moved = 0
    for fact in facts:
        if fact[0] == "line" and fact[2] == "earned":
            need(len(fact) == 12, "a line of the statement has too few or too many parts")
            pool, mine, every, amount = (whole(item, "line " + fact[1], 0) for item in fact[8:])
            need(0 <= mine <= every and every > 0, f"line {fact[1]} has a share beyond the whole")
            need(0 <= amount - pool * mine // every <= 1, f"line {fact[1]} is not its share of its pool")
            earned += amount
        elif fact[0] == "line":
            need(len(fact) == 5, "a line of the statement has too few or too many parts")
            moved += whole(fact[4], "line " + fact[1])
    need(earned == money["earned"], "the lines do not come to what the statement says was earned")
    need(money["opening"] + earned + moved == money["closing"], "the lines do not come to the closing balance")
    return {**single, **money}


# -- The tree ---------------------------------------------------------------------------------------------------------


def node_bytes(node):
    return node[0] + node[1].to_bytes(8, "big") + node[2].to_bytes(8, "big")


def above(left, right):
    earned, owed = left[1] + right[1], left[2] + right[2]
    need(max(earned, owed) <= MAX_SUM, "a sum on the way up is too large")
    return hashlib.sha256(b"\x02" + node_bytes(left) + node_bytes(right)).digest(), earned, owed


def node_of(item, name="hash", size=32):
    mark = bytes.fromhex(item[name])
    need(len(mark) == size, "a hash in the proof has the wrong length")
    sums = [whole(item[key], key, 0) for key in ("earned_micros", "owed_micros")]
    need(max(sums) <= MAX_SUM, "a sum in the proof is too large")
    return (mark, *sums)


def roots_of(statement_text, parts):
    """The root that each part leads to, and what the parts come to."""
    content, roots, earned, owed = hashlib.sha256(statement_text.encode()).digest(), [], 0, 0
    need(len(parts) == 2, "a statement has two parts in the tree")
    for number, part in enumerate(parts):
        salt, mine, due = node_of(part, "salt", 16)
        amounts = mine.to_bytes(8, "big") + due.to_bytes(8, "big")
        node = hashlib.sha256(b"\x01" + salt + bytes([number]) + content + amounts).digest(), mine, due
        for step in part["path"]:
            need(step["side"] in ("left", "right"), "a step is neither left nor right")
            other = node_of(step)
            node = above(other, node) if step["side"] == "left" else above(node, other)
        roots.append(node)
        earned, owed = earned + mine, owed + due
    return roots, earned, owed


def check_tree(statement, statement_text, parts, commitment):
    """The statement's parts are in its currency's tree; returns what that comes to in all."""
    tree = [fact for fact in commitment if fact[0] == "tree" and fact[1] == statement["currency"]]
    need(len(tree) == 1 and len(tree[0]) == 6, "the commitment has no tree in " + statement["currency"])
    count, total, due = (whole(item, "tree", 0) for item in tree[0][2:5])
    roots, earned, owed = roots_of(statement_text, parts)
    need(earned == statement["earned"], "the parts in the tree do not come to what the statement says was earned")
    need(owed == max(statement["closing"], 0), "the parts in the tree do not come to what the statement says is owed")
    for root in roots:
        need(root == (bytes.fromhex(tree[0][5]), total, due), "the path does not lead to the published root")
    return count, total, due


def check_totals(currency, commitment, earned):
    """What came in is what the statements earned and what was set aside."""
    came_in = sum(whole(fact[6], "pool") for fact in commitment if fact[0] == "pool" and fact[1] == currency)
    aside = {fact[2]: whole(fact[3], "aside") for fact in commitment if fact[0] == "aside" and fact[1] == currency}
    need(came_in == earned + sum(aside.values()), "what came in is not what was earned and what was set aside")
    return came_in, aside


# -- All of it --------------------------------------------------------------------------------------------------------


def units(micros):
    sign, micros = ("-" if micros < 0 else ""), abs(micros)
    return f"{sign}{micros // 10**6:,}.{micros % 10**6:06d}"


def check(proof, key="", commitment=None):
    """Yields a sentence for every check that passed; raises Wrong at the first that did not."""
    need(isinstance(proof, dict) and proof.get("format") == PROOF, "this is no proof that I know")
    text = proof["statement"]
    statement = check_statement(text)
    money = statement["currency"]
    mine, due_to_me = units(statement["earned"]), units(max(statement["closing"], 0))
    yield f"Statement {statement['statement']} adds up: {mine} {money} earned, {due_to_me} owed."
    facts = facts_of(proof["commitment"])
    need(facts[0] == [COMMITMENT], "the commitment is of a kind that I do not know")
    single = {fact[0]: fact[1:] for fact in facts if fact[0] in ("cycle", "policy", "journal")}
    need(single["cycle"] == [statement["cycle"]], "the commitment is of another cycle")
    need(single["policy"][1] == statement["policy"], "the commitment names another policy")
    need(single["journal"] == [statement["journal"]], "the commitment names another journal")
    count, total, due = check_tree(statement, text, proof["parts"], facts)
    yield f"It is one of {count:,} statements in {money}, which earned {units(total)} and are owed {units(due)} in all."
    came_in, aside = check_totals(money, facts, total)
    elsewhere = ", ".join(f"{name} {units(micros)}" for name, micros in aside.items()) or "nothing"
    yield f"In {money} came {units(came_in)}; besides what the statements earned: {elsewhere}."
    need(commitment is None or commitment == proof["commitment"].encode(), "the published commitment is another one")
    if commitment is not None:
        yield "The commitment is the one that was published."
    public = proof["public_key"]
    signed = is_signed(bytes.fromhex(public), proof["commitment"].encode(), bytes.fromhex(proof["signature"]))
    need(signed, "the signature under the commitment is not by its key")
    need(not key or key.lower() == public, "it is signed with another key than yours")
    yield f"It is signed with the key {public}{'' if key else ': compare that with the one the marketplace publishes'}."


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("proof", help="the file from the statement's page")
    parser.add_argument("--key", default="", help="the public key that the marketplace publishes, hex")
    parser.add_argument("--commitment", help="the cycle's commitment, as downloaded from its public page")
    given = parser.parse_args(arguments)
    try:
        with open(given.proof, encoding="utf-8") as file:
            proof = json.load(file)
        commitment = None
        if given.commitment:
            with open(given.commitment, "rb") as file:
                commitment = file.read()
    except (OSError, ValueError, RecursionError) as error:
        print(f"Cannot read it: {error}", file=sys.stderr)
        return 2
    try:
        for sentence in check(proof, given.key, commitment):
            print("ok    " + sentence)
    except Wrong as error:
        print(f"WRONG {error}.")
        return 1
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        print(f"WRONG the proof is damaged ({type(error).__name__}: {error}).")
        return 1
    print("The statement is what was published, and counted in the totals.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
