"""A small marketplace as files, for tests that run real processes: Ann holds three of four assets, Ben one."""

from pathlib import Path
from typing import Any

from tests.conftest import World

PERIOD = ("--start", "2026-06-01", "--end", "2026-07-01", "--timezone", "UTC")
FILES = {
    "contributors.csv": "contributor_id,contributor_name\nann,Ann\nben,Ben\ncy,Cy\nмира,Mira\n",
    "models.csv": "model,dataset_version\nm,ds@1\n",
    "attributions.csv": "dataset_version,asset_id,contributor_id\nds@1,1,ann\nds@1,2,ann\nds@1,3,ann\nds@1,4,ben\n",
    "sales.csv": "sale_id,sold_at,stream,model,currency,gross_amount,refund_of\n"
    "s1,2026-06-10T00:00:00Z,generation,m,USD,100.00,\ns2,2026-06-11T00:00:00Z,generation,m,USD,20.00,\n"
    "r1,2026-06-12T00:00:00Z,generation,m,USD,-20.00,s2\n",
    "policy.toml": 'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
    'allocation = "asset_count"\n',
}

# Of the other kinds, for those who want a row of each.
SIGNALS = {
    "measures.csv": "contributor_id,measure,start,end,value\nann,revenue,2026-06-01,2026-07-01,12.50\n",
    "outputs.csv": "sale_id,contributor_id,score\ns1,ben,0.25\n",
    "usage.csv": "customer_id,model,day,units\nc1,m,2026-06-10,3\n",
    "consents.csv": "contributor_id,decision,effective_at\ncy,opt_out,2026-06-01T00:00:00Z\n",
    "rates.csv": "date,base,quote,rate,source\n2026-06-30,EUR,USD,1.1,ECB\n",
    "splits.csv": "contributor_id,payee_id,share,start\nann,cy,0.2,2026-06-01\n",
}


def write_files(folder: Path, **changed: str) -> Path:
    """Writes the files; `changed` replaces whole files by stem."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(changed.get(name.split(".")[0], text), encoding="utf-8")
    return folder


STAFF = {"olivia": "operator", "oscar": "operator", "adam": "approver", "fiona": "finance"}
# In one process each: starting Python for every command would take longer than all the rest.
MAKE_STAFF = f"""
from revshare.access.operations import create_user
from revshare.management.base import acting
for name, role in {STAFF!r}.items():
    create_user(name=name, roles=[role], contributor_id=None, password="not-for-signing-in", act=acting(None, "browse"))
"""
TAKE_FOLDER_IN = """
from pathlib import Path
from revshare.ingest.operations import find_files, ingest
from revshare.management.base import acting
for kind, path in find_files(Path({folder!r})):
    ingest(kind=kind, path=path, act=acting("olivia", "ingest"))
"""
TAKE_IN = f"""{TAKE_FOLDER_IN}
from revshare.policies.operations import register
register(content=Path({{folder!r}}, "policy.toml").read_bytes(), act=acting("olivia", "register_policy"))
"""


def take_in_signals(world: World, folder: Path) -> None:
    """Takes in a row of each of the other kinds of files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in SIGNALS.items():
        (folder / name).write_text(text, encoding="utf-8")
    take_folder_in(world, folder)


def take_folder_in(world: World, folder: Path) -> None:
    world.manage("shell", "--no-imports", "-c", TAKE_FOLDER_IN.format(folder=str(folder)))


def staff(world: World) -> None:
    world.manage("shell", "--no-imports", "-c", MAKE_STAFF)


def open_small_cycle(world: World, folder: Path) -> None:
    """Takes everything in and opens the cycle `june`."""
    write_files(folder)
    world.manage("shell", "--no-imports", "-c", MAKE_STAFF + TAKE_IN.format(folder=str(folder)))
    world.manage("cycle", "open", "june", *PERIOD, "--policy", "p", "--by", "olivia")


def finish(world: World) -> dict[str, Any]:
    """Takes the cycle `june` as far as published, from wherever it is."""
    people = ("--prepared-by", "olivia", "--approved-by", "adam")
    return world.json("run_cycle", "june", *PERIOD, "--policy", "p", *people)


def publish_small_cycle(world: World, folder: Path, key: str = "june") -> dict[str, Any]:
    staff(world)
    return world.json(
        "run_cycle", key, *PERIOD, "--from", write_files(folder), "--prepared-by", "olivia", "--approved-by", "adam",
        "--export", folder / "out",
    )  # fmt: skip
