"""The least that taking in a manifest can cost: DuckDB reads the file, every column as text, and writes it as Parquet.
It checks nothing.   python manifest_read.py --file attributions.csv --out DIR"""

import argparse
import json
import time
from pathlib import Path

import duckdb

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--file", type=Path, required=True, help="attributions, as CSV or Parquet")
parser.add_argument("--out", type=Path, required=True, help="folder for the Parquet file and what DuckDB spills")
options = parser.parse_args()
options.out.mkdir(parents=True, exist_ok=True)
target = options.out / "manifest.parquet"

started = time.perf_counter()
with duckdb.connect(config={"temp_directory": str(options.out / "spill")}) as con:
    con.execute("SET preserve_insertion_order = false")
    csv = options.file.suffix == ".csv"
    read = "read_csv(?, all_varchar = true)" if csv else "read_parquet(?)"
    (rows,) = con.execute(f"COPY (SELECT * FROM {read}) TO '{target}' (FORMAT parquet)", [str(options.file)]).fetchone()
print(json.dumps({"rows": rows, "wall_s": round(time.perf_counter() - started, 4)}))
target.unlink()
