"""How records become weights. 720,720 ticks to an asset, shared by its contributors (`apportion.split_ticks` is the
same rule for one asset in Python)."""

from revshare.apportion import TICKS_PER_ASSET


def weigh_sql(records: str) -> str:
    """SQL of DuckDB from records (dataset_version, asset_id, contributor_id, share, weight; one row per version, asset
    and contributor) to weights (dataset_version, contributor_id, assets_ticks, weight_ticks).

    Most assets are shared equally by a number that divides 720,720. The others go by largest remainder inside the
    asset, ties by ascending contributor id: quotient and remainder in whole numbers of up to 128 bits.
    """
    return f"""
        WITH records AS ({records}),
        assets AS (
            SELECT dataset_version, asset_id, count(*) AS people, sum(CAST(share * 1000000 AS HUGEINT)) AS shares
            FROM records GROUP BY dataset_version, asset_id
        ),
        even AS (
            SELECT dataset_version, contributor_id, CAST({TICKS_PER_ASSET} // people AS BIGINT) AS ticks, weight
            FROM records JOIN assets USING (dataset_version, asset_id)
            WHERE shares IS NULL AND {TICKS_PER_ASSET} % people = 0
        ),
        quotas AS (
            SELECT dataset_version, asset_id, contributor_id, weight,
                   CAST({TICKS_PER_ASSET} AS HUGEINT) * coalesce(CAST(share * 1000000 AS HUGEINT), 1) AS dividend,
                   coalesce(shares, people) AS divisor
            FROM records JOIN assets USING (dataset_version, asset_id)
            WHERE shares IS NOT NULL OR {TICKS_PER_ASSET} % people <> 0
        ),
        floors AS (
            SELECT *, dividend // divisor AS floor, dividend % divisor AS remainder FROM quotas
        ),
        uneven AS (
            SELECT dataset_version, contributor_id, weight, CAST(floor + CASE
                WHEN row_number() OVER (PARTITION BY dataset_version, asset_id ORDER BY remainder DESC, contributor_id)
                     <= {TICKS_PER_ASSET} - sum(floor) OVER (PARTITION BY dataset_version, asset_id)
                THEN 1 ELSE 0 END AS BIGINT) AS ticks
            FROM floors
        )
        SELECT dataset_version, contributor_id, CAST(sum(ticks) AS BIGINT) AS assets_ticks,
               CAST(sum(ticks * weight) AS DECIMAL(38, 6)) AS weight_ticks
        FROM (SELECT * FROM even UNION ALL SELECT dataset_version, contributor_id, ticks, weight FROM uneven)
        GROUP BY dataset_version, contributor_id
    """


def digest_header(dataset_version: str, assets: int, records: int) -> bytes:
    """The first line under a manifest's hash; then follow its weights, one line a contributor in code-point order of
    ids: contributor id, ticks, weighted ticks, each in double quotes (a quote inside doubled), parted by commas."""
    quoted = dataset_version.replace('"', '""')
    return f'"{quoted}","{assets}","{records}"\n'.encode()
