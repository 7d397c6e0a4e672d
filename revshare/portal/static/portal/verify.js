// Checks a statement's proof in the browser; nothing is sent anywhere. The same checks, in the same order, as
// tools/verify_statement.py; docs/proof.md says why each is made. Amounts are BigInt: Number is too small.
"use strict";

const MAX_SUM = 2n ** 63n - 1n;
const AMOUNTS = ["opening", "earned", "adjusted", "withheld", "held", "paid", "closing"];

class Wrong extends Error {}

function need(condition, words) {
  if (!condition) throw new Wrong(words);
}

// -- SHA-256 (FIPS 180-4), at once and also where a page has no crypto.subtle -----------------------------------------

const ROUND = [];
const START = [];
(function primes() {
  const fraction = (x, power) => {
    // The first 32 bits of the fraction of a root: exact, by whole numbers.
    const wanted = BigInt(x) << BigInt(32 * power);
    let low = 0n, high = 1n << 40n;
    while (high - low > 1n) {
      const middle = (low + high) >> 1n;
      if (middle ** BigInt(power) <= wanted) low = middle; else high = middle;
    }
    return Number(low & 0xffffffffn);
  };
  for (let number = 2; ROUND.length < 64; number++) {
    let prime = true;
    for (let other = 2; other * other <= number; other++) if (number % other === 0) prime = false;
    if (!prime) continue;
    if (START.length < 8) START.push(fraction(number, 2));
    ROUND.push(fraction(number, 3));
  }
})();

function sha256(bytes) {
  const padded = new Uint8Array((Math.floor((bytes.length + 8) / 64) + 1) * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n);
  const turn = (x, by) => (x >>> by) | (x << (32 - by));
  const state = START.slice();
  const words = new Int32Array(64);
  for (let at = 0; at < padded.length; at += 64) {
    for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
      const a = words[i - 15], b = words[i - 2];
      words[i] = words[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + words[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[i] + words[i]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [a, b, c, d, e, f, g, h] = [(one + two) | 0, a, b, c, (d + one) | 0, e, f, g];
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => { state[i] = (state[i] + value) | 0; });
  }
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((value, i) => digest.setInt32(4 * i, value));
  return new Uint8Array(digest.buffer);
}

// -- Bytes ------------------------------------------------------------------------------------------------------------

function bytesOf(hex, size) {
  need(typeof hex === "string" && /^([0-9a-f]{2})*$/.test(hex) && hex.length === 2 * size, "a hash in the proof has the wrong length");
  return Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
}

function hexOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function eight(amount) {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, amount);
  return new Uint8Array(view.buffer);
}

function joined(...pieces) {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) { all.set(piece, at); at += piece.length; }
  return all;
}

function whole(text, words, atLeastZero) {
  need(typeof text === "string" && /^(0|-?[1-9][0-9]*)$/.test(text), words + " is not a proper number");
  const value = BigInt(text);
  need(!atLeastZero || value >= 0n, words + " is not a proper number");
  return value;
}

function factsOf(text) {
  need(typeof text === "string" && text.endsWith("\n"), "a text of the proof is cut off");
  return text.slice(0, -1).split("\n").map((line) => line.split("\t"));
}

// -- The statement ----------------------------------------------------------------------------------------------------

function checkStatement(text) {
  const facts = factsOf(text);
  const said = new Map();
  for (const fact of facts) {
    if (fact[0] === "line") continue;
    need(fact.length === 2 && !said.has(fact[0]), "the statement says " + fact[0] + " twice");
    said.set(fact[0], fact[1]);
  }
  for (const name of ["statement", "cycle", "policy", "contributor", "currency", "journal", ...AMOUNTS]) {
    need(said.has(name), "the statement does not say " + name);
  }
  const money = Object.fromEntries(AMOUNTS.map((name) => [name, whole(said.get(name), name)]));
  need(
    money.closing === money.opening + money.earned + money.adjusted - money.withheld - money.held - money.paid,
    "the statement's columns do not come to its closing balance",
  );
  let earned = 0n, moved = 0n;
  for (const fact of facts) {
    if (fact[0] !== "line") continue;
    if (fact[2] !== "earned") {
      need(fact.length === 5, "a line of the statement has too few or too many parts");
      moved += whole(fact[4], "line " + fact[1]);
      continue;
    }
    need(fact.length === 12, "a line of the statement has too few or too many parts");
    const [pool, mine, every, amount] = fact.slice(8).map((item) => whole(item, "line " + fact[1], true));
    need(every > 0n && mine <= every, "line " + fact[1] + " has a share beyond the whole");
    const beyond = amount - (pool * mine) / every;
    need(beyond === 0n || beyond === 1n, "line " + fact[1] + " is not its share of its pool");
    earned += amount;
  }
  need(earned === money.earned, "the lines do not come to what the statement says was earned");
  need(money.opening + earned + moved === money.closing, "the lines do not come to the closing balance");
  return { said, money };
}

// -- The tree ---------------------------------------------------------------------------------------------------------

function nodeOf(item, mark) {
  const node = { hash: mark, earned: whole(item.earned_micros, "earned_micros", true), owed: whole(item.owed_micros, "owed_micros", true) };
  need(node.earned <= MAX_SUM && node.owed <= MAX_SUM, "a sum in the proof is too large");
  return node;
}

function above(left, right) {
  const node = { earned: left.earned + right.earned, owed: left.owed + right.owed };
  need(node.earned <= MAX_SUM && node.owed <= MAX_SUM, "a sum on the way up is too large");
  const [one, two] = [left, right].map((child) => joined(child.hash, eight(child.earned), eight(child.owed)));
  node.hash = sha256(joined(Uint8Array.of(2), one, two));
  return node;
}

function rootOf(content, part, number) {
  const salt = bytesOf(part.salt, 16);
  const node = nodeOf(part, salt);
  node.hash = sha256(joined(Uint8Array.of(1), salt, Uint8Array.of(number), content, eight(node.earned), eight(node.owed)));
  return part.path.reduce((below, step) => {
    need(step.side === "left" || step.side === "right", "a step is neither left nor right");
    const other = nodeOf(step, bytesOf(step.hash, 32));
    return step.side === "left" ? above(other, below) : above(below, other);
  }, node);
}

function checkTree(statement, proof, commitment) {
  const currency = statement.said.get("currency");
  const trees = commitment.filter((fact) => fact[0] === "tree" && fact[1] === currency);
  need(trees.length === 1 && trees[0].length === 6, "the commitment has no tree in " + currency);
  const [count, earned, owed] = trees[0].slice(2, 5).map((item) => whole(item, "tree", true));
  need(proof.parts.length === 2, "a statement has two parts in the tree");
  const [mine, due] = ["earned_micros", "owed_micros"].map((name) => proof.parts.reduce((sum, part) => sum + whole(part[name], name, true), 0n));
  const { money } = statement;
  need(mine === money.earned, "the parts in the tree do not come to what the statement says was earned");
  need(due === (money.closing > 0n ? money.closing : 0n), "the parts in the tree do not come to what the statement says is owed");
  const content = sha256(new TextEncoder().encode(proof.statement));
  proof.parts.forEach((part, number) => {
    const root = rootOf(content, part, number);
    const same = hexOf(root.hash) === trees[0][5] && root.earned === earned && root.owed === owed;
    need(same, "the path does not lead to the published root");
  });
  return { count, earned, owed };
}

// -- All of it --------------------------------------------------------------------------------------------------------

// What the page says, in its own language; numbers as its readers write them.
const LANGUAGE = document.documentElement.lang || "en";
const DECIMAL = new Intl.NumberFormat(LANGUAGE).formatToParts(1.5).find((part) => part.type === "decimal").value;
let words = {};

function tell(name, parts = {}) {
  return words[name].replace(/\{(\w+)\}/g, (_, key) => parts[key]);
}

function units(micros) {
  const size = micros < 0n ? -micros : micros;
  return (micros < 0n ? "-" : "") + (size / 1000000n).toLocaleString(LANGUAGE) + DECIMAL + (size % 1000000n).toString().padStart(6, "0");
}

// true, false, or null where this browser cannot tell.
async function isSigned(proof) {
  if (!globalThis.crypto || !crypto.subtle) return null;
  let key;
  try {
    key = await crypto.subtle.importKey("raw", bytesOf(proof.public_key, 32), "Ed25519", false, ["verify"]);
  } catch (error) {
    if (error instanceof Wrong) throw error;
    return null;
  }
  return crypto.subtle.verify("Ed25519", key, bytesOf(proof.signature, 64), new TextEncoder().encode(proof.commitment));
}

async function check(proof, passed) {
  need(proof && proof.format === "revshare statement proof 1", "this is no proof that this page knows");
  const statement = checkStatement(proof.statement);
  const { said, money } = statement;
  const currency = said.get("currency");
  const owed = money.closing > 0n ? money.closing : 0n;
  passed(tell("adds_up", { statement: said.get("statement"), currency, earned: units(money.earned), owed: units(owed) }));
  const facts = factsOf(proof.commitment);
  need(facts[0].join("\t") === "revshare commitment 1", "the commitment is of a kind that this page does not know");
  const single = new Map(facts.filter((fact) => ["cycle", "policy", "journal"].includes(fact[0])).map((fact) => [fact[0], fact]));
  need(single.get("cycle")[1] === said.get("cycle"), "the commitment is of another cycle");
  need(single.get("policy")[2] === said.get("policy"), "the commitment names another policy");
  need(single.get("journal")[1] === said.get("journal"), "the commitment names another journal");
  const total = checkTree(statement, proof, facts);
  passed(tell("one_of", { count: total.count.toLocaleString(LANGUAGE), currency, earned: units(total.earned), owed: units(total.owed) }));
  const sum = (name, at) => facts.filter((fact) => fact[0] === name && fact[1] === currency).reduce((all, fact) => all + whole(fact[at], name), 0n);
  need(sum("pool", 6) === total.earned + sum("aside", 3), "what came in is not what was earned and what was set aside");
  passed(tell("came_in", { currency, all: units(sum("pool", 6)), aside: units(sum("aside", 3)) }));
  const signed = await isSigned(proof);
  need(signed !== false, "the signature under the commitment is not by its key");
  passed(
    signed ? tell("signed", { key: proof.public_key }) : tell("not_checked"),
    signed === null,
  );
}

function show(proof) {
  const list = document.getElementById("findings");
  const verdict = document.getElementById("verdict");
  list.replaceChildren();
  verdict.className = "";
  verdict.textContent = tell("checking");
  const add = (words, kind) => {
    const item = document.createElement("li");
    item.className = kind;
    item.textContent = words;
    list.append(item);
  };
  return check(proof, (words, open) => add(words, open ? "open" : "passed")).then(
    () => {
      verdict.className = "notice good";
      verdict.textContent = tell("good");
    },
    (error) => {
      add(tell(error instanceof Wrong ? "wrong" : "damaged", { why: error.message }), "failed");
      verdict.className = "notice bad";
      verdict.textContent = tell("bad");
    },
  );
}

document.addEventListener("DOMContentLoaded", () => {
  words = JSON.parse(document.getElementById("words").textContent);
  const embedded = document.getElementById("proof");
  const button = document.getElementById("check-own");
  if (embedded && button) {
    button.hidden = false;
    button.addEventListener("click", () => show(JSON.parse(embedded.textContent)));
  }
  const chooser = document.getElementById("proof-file");
  chooser.disabled = false;
  chooser.addEventListener("change", async () => {
    if (!chooser.files.length) return;
    let proof = null;
    try { proof = JSON.parse(await chooser.files[0].text()); } catch { /* shown as no proof */ }
    await show(proof);
  });
});
