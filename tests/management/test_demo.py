"""The demo, by a real worker: what it prints is what the README promises; a second run says that there is nothing to do."""

from tests.conftest import World

PROMISED = (
    "85,141    85,141          0            0", "net sales       GBP 1,479,800.25 (1,479,800,250,000 micros)",
    "to contributors GBP 295,960.05 (295,960,050,000 micros)", "denominator     69,202 assets", "contributors    3,393",
    "Turner, Joseph Mallord William  TATE-00558  GBP 168,110.714219 (168,110,714,219 micros)",
    "residue         1,986 micros", "Trial balance GBP: 0", "verify: clean", "Where to look next:",
)  # fmt: skip


def test_the_demo_runs_twice(world: World) -> None:
    first = world.manage("demo").stdout
    for text in PROMISED:
        assert text in first
    assert first.count("password") == 4
    before = world.rows("SELECT (SELECT max(seq) FROM audit_event), (SELECT count(*) FROM runs_run), now() - now()")
    second = world.manage("demo").stdout
    assert "running it again is a no-op" in second
    for text in PROMISED:
        assert text in second
    assert (
        world.rows("SELECT (SELECT max(seq) FROM audit_event), (SELECT count(*) FROM runs_run), now() - now()")
        == before
    )
