"""The least that taking in sales can cost: COPY of the same rows as CSV into a table without index or constraint, and
then one index on sale_id.   python sales_copy.py --file sales.csv --database-url URL"""

import argparse
import json
import time
from pathlib import Path

import psycopg

BLOCK_BYTES = 1 << 20
TABLE = (
    "CREATE TABLE bare_sale (sale_id text, sold_at timestamptz, stream text, model text, currency text, "
    "gross_amount numeric, refund_of text)"
)

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--file", type=Path, required=True, help="sales as CSV, in gen.py's order of columns")
parser.add_argument("--database-url", required=True)
options = parser.parse_args()

with psycopg.connect(options.database_url, autocommit=True) as connection:
    connection.execute("DROP TABLE IF EXISTS bare_sale")
    connection.execute(TABLE)
    started = time.perf_counter()
    with connection.cursor() as cursor, options.file.open("rb") as file:
        with cursor.copy("COPY bare_sale FROM STDIN (FORMAT csv, HEADER)") as copy:
            while block := file.read(BLOCK_BYTES):
                copy.write(block)
        rows = cursor.rowcount
    connection.execute("CREATE INDEX bare_sale_id ON bare_sale (sale_id)")
    print(json.dumps({"rows": rows, "wall_s": round(time.perf_counter() - started, 4)}))
    connection.execute("DROP TABLE bare_sale")
