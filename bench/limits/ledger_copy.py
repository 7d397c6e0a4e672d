"""The least that posting a journal can cost: binary COPY of as many legs into a table without index or constraint. The
bytes lie ready before the clock starts.   python ledger_copy.py --legs N --database-url URL"""

import argparse
import json
import time

import numpy as np
import psycopg

BLOCK_BYTES = 1 << 20
HEADER, TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
TABLE = "CREATE TABLE bare_leg (journal integer, account text, currency text, side text, amount bigint)"
# As PostgreSQL wants it: the number of fields, then each field's length and value, everything big-endian.
LEG = np.dtype([
    ("fields", ">i2"), ("journal_bytes", ">i4"), ("journal", ">i4"), ("account_bytes", ">i4"), ("account", "S16"),
    ("currency_bytes", ">i4"), ("currency", "S3"), ("side_bytes", ">i4"), ("side", "S1"), ("amount_bytes", ">i4"),
    ("amount", ">i8"),
])  # fmt: skip


def legs(count: int) -> bytes:
    """So many legs, as binary COPY takes them: one debit, the rest credits to a contributor each."""
    rows = np.zeros(count, LEG)
    rows["fields"] = 5
    for name in ("journal", "account", "currency", "side", "amount"):
        rows[f"{name}_bytes"] = LEG[name].itemsize
    rows["journal"], rows["currency"], rows["side"] = 1, b"USD", b"C"
    rows["account"] = np.char.add(b"payable:c", np.char.zfill(np.arange(count).astype("S7"), 7))
    rows["amount"] = np.arange(count)
    rows["side"][:1] = b"D"
    return HEADER + rows.tobytes() + TRAILER


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--legs", type=int, required=True, help="how many")
parser.add_argument("--database-url", required=True)
options = parser.parse_args()
ready = memoryview(legs(options.legs))

with psycopg.connect(options.database_url, autocommit=True) as connection:
    connection.execute("DROP TABLE IF EXISTS bare_leg")
    connection.execute(TABLE)
    started = time.perf_counter()
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY bare_leg FROM STDIN (FORMAT binary)") as copy,
    ):
        for at in range(0, len(ready), BLOCK_BYTES):
            copy.write(ready[at : at + BLOCK_BYTES])
    wall_s = time.perf_counter() - started
    (rows,) = connection.execute("SELECT count(*) FROM bare_leg").fetchone()
    print(json.dumps({"rows": rows, "wall_s": round(wall_s, 4)}))
    connection.execute("DROP TABLE bare_leg")
