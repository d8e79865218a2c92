-- join
WITH `history` AS (
  SELECT
    `source`.`driver_id` AS `driver`,
    UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__event`,
    UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__at`
  FROM `lake`.`trips` AS `source`
  WHERE
    `source`.`ended_at` >= TIMESTAMP_MICROS(1711756800000000)
    AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711929600000000)
    AND `source`.`driver_id` IN (
      SELECT
        `spine`.`driver`
      FROM `spine`
    )
), `moments` AS (
  SELECT
    `history`.`driver`,
    `history`.`__at`,
    0 AS `__side`,
    `history`.`__event`,
    CAST(NULL AS BIGINT) AS `__row`
  FROM `history`
  UNION ALL
  SELECT
    `spine`.`driver`,
    `spine`.`__time` AS `__at`,
    1 AS `__side`,
    CAST(NULL AS BIGINT) AS `__event`,
    `spine`.`__row`
  FROM `spine`
), `filled` AS (
  SELECT
    `moments`.`driver`,
    `moments`.`__at`,
    `moments`.`__side`,
    `moments`.`__row`,
    MAX(`moments`.`__event`) OVER (
      PARTITION BY `moments`.`driver`
      ORDER BY `moments`.`__at`, `moments`.`__side`
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS `__event`
  FROM `moments`
), `matched` AS (
  SELECT
    `filled`.`__row`,
    `filled`.`__at` AS `__time`,
    `filled`.`driver`,
    `filled`.`__event`
  FROM `filled`
  WHERE
    `filled`.`__side` = 1
    AND NOT `filled`.`__event` IS NULL
    AND `filled`.`__event` >= `filled`.`__at` - 86400000000
)
SELECT
  `matched`.`__row`,
  `matched`.`__event`,
  UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) AS `__created`,
  `source`.`fare` AS `fare`
FROM `matched`
INNER JOIN `lake`.`trips` AS `source`
  ON `source`.`driver_id` = `matched`.`driver`
  AND `source`.`ended_at` = TIMESTAMP_MICROS(`matched`.`__event`)
WHERE
  `source`.`ended_at` >= TIMESTAMP_MICROS(1711756800000000)
  AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711929600000000);

-- join through an index
WITH `history` AS (
  SELECT
    `source`.`driver_id` AS `driver`,
    UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__event`,
    UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__at`
  FROM `lake`.`trips` AS `source`
  WHERE
    `source`.`ended_at` >= TIMESTAMP_MICROS(1711670400000000)
    AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711929600000000)
    AND `source`.`driver_id` IN (
      SELECT
        `spine`.`driver`
      FROM `spine`
    )
), `moments` AS (
  SELECT
    `history`.`driver`,
    `history`.`__at`,
    0 AS `__side`,
    `history`.`__event`,
    CAST(NULL AS BIGINT) AS `__row`
  FROM `history`
  UNION ALL
  SELECT
    `spine`.`driver`,
    `spine`.`__time` AS `__at`,
    1 AS `__side`,
    CAST(NULL AS BIGINT) AS `__event`,
    `spine`.`__row`
  FROM `spine`
), `filled` AS (
  SELECT
    `moments`.`driver`,
    `moments`.`__at`,
    `moments`.`__side`,
    `moments`.`__row`,
    MAX(`moments`.`__event`) OVER (
      PARTITION BY `moments`.`driver`
      ORDER BY `moments`.`__at`, `moments`.`__side`
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS `__event`
  FROM `moments`
), `matched` AS (
  SELECT
    `filled`.`__row`,
    `filled`.`__at` AS `__time`,
    `filled`.`driver`,
    `filled`.`__event`
  FROM `filled`
  WHERE
    `filled`.`__side` = 1
    AND NOT `filled`.`__event` IS NULL
    AND `filled`.`__event` >= `filled`.`__at` - 172800000000
)
SELECT
  `matched`.`__row`,
  `matched`.`__event`,
  UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) AS `__created`,
  `source`.`fare` AS `fare`
FROM `matched`
INNER JOIN `lake`.`trips` AS `source`
  ON `source`.`driver_id` = `matched`.`driver`
  AND `source`.`ended_at` = TIMESTAMP_MICROS(`matched`.`__event`)
WHERE
  `source`.`ended_at` >= TIMESTAMP_MICROS(1711670400000000)
  AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711929600000000);

-- join, what was known at the time
WITH `history` AS (
  SELECT
    `history`.`driver`,
    `history`.`city`,
    `history`.`__event`,
    CASE
      WHEN `history`.`__at` > `history`.`__event`
      THEN `history`.`__at`
      ELSE `history`.`__event`
    END AS `__at`
  FROM (
    SELECT
      `source`.`driver_id` AS `driver`,
      CAST(`source`.`city` AS STRING) AS `city`,
      UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__event`,
      UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) AS `__at`
    FROM `lake`.`trips` AS `source`
    WHERE
      `source`.`ended_at` >= TIMESTAMP_MICROS(1711756800000000)
      AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711929600000000)
      AND (`source`.`driver_id`, CAST(`source`.`city` AS STRING)) IN (
        SELECT
          `spine`.`driver`,
          `spine`.`city`
        FROM `spine`
      )
  ) AS `history`
), `moments` AS (
  SELECT
    `history`.`driver`,
    `history`.`city`,
    `history`.`__at`,
    0 AS `__side`,
    `history`.`__event`,
    CAST(NULL AS BIGINT) AS `__row`
  FROM `history`
  UNION ALL
  SELECT
    `spine`.`driver`,
    `spine`.`city`,
    `spine`.`__time` AS `__at`,
    1 AS `__side`,
    CAST(NULL AS BIGINT) AS `__event`,
    `spine`.`__row`
  FROM `spine`
), `filled` AS (
  SELECT
    `moments`.`driver`,
    `moments`.`city`,
    `moments`.`__at`,
    `moments`.`__side`,
    `moments`.`__row`,
    MAX(`moments`.`__event`) OVER (
      PARTITION BY `moments`.`driver`, `moments`.`city`
      ORDER BY `moments`.`__at`, `moments`.`__side`
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS `__event`
  FROM `moments`
), `matched` AS (
  SELECT
    `filled`.`__row`,
    `filled`.`__at` AS `__time`,
    `filled`.`driver`,
    `filled`.`city`,
    `filled`.`__event`
  FROM `filled`
  WHERE
    `filled`.`__side` = 1
    AND NOT `filled`.`__event` IS NULL
    AND `filled`.`__event` >= `filled`.`__at` - 86400000000
)
SELECT
  `matched`.`__row`,
  `matched`.`__event`,
  UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) AS `__created`,
  `source`.`fare` AS `fare`
FROM `matched`
INNER JOIN `lake`.`trips` AS `source`
  ON `source`.`driver_id` = `matched`.`driver`
  AND CAST(`source`.`city` AS STRING) = `matched`.`city`
  AND `source`.`ended_at` = TIMESTAMP_MICROS(`matched`.`__event`)
  AND COALESCE(UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)), -9223372036854775807) <= `matched`.`__time`
WHERE
  `source`.`ended_at` >= TIMESTAMP_MICROS(1711756800000000)
  AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711929600000000);

-- join without keys
WITH `history` AS (
  SELECT
    UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__event`,
    UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__at`
  FROM `lake`.`trips` AS `source`
  WHERE
    `source`.`ended_at` <= TIMESTAMP_MICROS(1711929600000000)
), `moments` AS (
  SELECT
    `history`.`__at`,
    0 AS `__side`,
    `history`.`__event`,
    CAST(NULL AS BIGINT) AS `__row`
  FROM `history`
  UNION ALL
  SELECT
    `spine`.`__time` AS `__at`,
    1 AS `__side`,
    CAST(NULL AS BIGINT) AS `__event`,
    `spine`.`__row`
  FROM `spine`
), `filled` AS (
  SELECT
    `moments`.`__at`,
    `moments`.`__side`,
    `moments`.`__row`,
    MAX(`moments`.`__event`) OVER (
      ORDER BY `moments`.`__at`, `moments`.`__side`
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS `__event`
  FROM `moments`
), `matched` AS (
  SELECT
    `filled`.`__row`,
    `filled`.`__at` AS `__time`,
    `filled`.`__event`
  FROM `filled`
  WHERE
    `filled`.`__side` = 1 AND NOT `filled`.`__event` IS NULL
)
SELECT
  `matched`.`__row`,
  `matched`.`__event`,
  UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) AS `__created`,
  `source`.`fare` AS `fare`
FROM `matched`
INNER JOIN `lake`.`trips` AS `source`
  ON `source`.`ended_at` = TIMESTAMP_MICROS(`matched`.`__event`)
WHERE
  `source`.`ended_at` <= TIMESTAMP_MICROS(1711929600000000);

-- join on keys of other types
WITH `history` AS (
  SELECT
    CASE
      WHEN (
        `source`.`half` IS NULL
        OR CAST(TRY_CAST(`source`.`half` AS BIGINT) AS DOUBLE) = `source`.`half`
      )
      THEN TRY_CAST(`source`.`half` AS BIGINT)
      ELSE CAST(RAISE_ERROR(
        CONCAT(
          '[repast] View \'fares\', column \'half\' of source \'trips\' has a value that is not a lossless Int64 key \'whole\': ',
          REPLACE(CAST(`source`.`half` AS STRING), 'NaN', 'nan')
        )
      ) AS BIGINT)
    END AS `whole`,
    CASE
      WHEN (
        `source`.`city` IS NULL
        OR NOT CASE
          WHEN LOWER(REGEXP_REPLACE(CAST(`source`.`city` AS STRING), '^[{]|[}]$|-', '')) RLIKE '^[0-9a-f]{32}$'
          THEN REGEXP_REPLACE(
            LOWER(REGEXP_REPLACE(CAST(`source`.`city` AS STRING), '^[{]|[}]$|-', '')),
            '^(.{8})(.{4})(.{4})(.{4})(.{12})$',
            '$1-$2-$3-$4-$5'
          )
        END IS NULL
      )
      THEN CASE
        WHEN LOWER(REGEXP_REPLACE(CAST(`source`.`city` AS STRING), '^[{]|[}]$|-', '')) RLIKE '^[0-9a-f]{32}$'
        THEN REGEXP_REPLACE(
          LOWER(REGEXP_REPLACE(CAST(`source`.`city` AS STRING), '^[{]|[}]$|-', '')),
          '^(.{8})(.{4})(.{4})(.{4})(.{12})$',
          '$1-$2-$3-$4-$5'
        )
      END
      ELSE CAST(RAISE_ERROR(
        CONCAT(
          '[repast] View \'fares\', column \'city\' of source \'trips\' has a value that is not a lossless Uuid key \'id\': ',
          REPLACE(CAST(`source`.`city` AS STRING), 'NaN', 'nan')
        )
      ) AS STRING)
    END AS `id`,
    TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP))) AS `at`,
    UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__event`,
    UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__at`
  FROM `lake`.`trips` AS `source`
  WHERE
    `source`.`ended_at` >= TIMESTAMP_MICROS(1711756800000000)
    AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711929600000000)
    AND (
      CASE
        WHEN (
          `source`.`half` IS NULL
          OR CAST(TRY_CAST(`source`.`half` AS BIGINT) AS DOUBLE) = `source`.`half`
        )
        THEN TRY_CAST(`source`.`half` AS BIGINT)
        ELSE CAST(RAISE_ERROR(
          CONCAT(
            '[repast] View \'fares\', column \'half\' of source \'trips\' has a value that is not a lossless Int64 key \'whole\': ',
            REPLACE(CAST(`source`.`half` AS STRING), 'NaN', 'nan')
          )
        ) AS BIGINT)
      END,
      CASE
        WHEN (
          `source`.`city` IS NULL
          OR NOT CASE
            WHEN LOWER(REGEXP_REPLACE(CAST(`source`.`city` AS STRING), '^[{]|[}]$|-', '')) RLIKE '^[0-9a-f]{32}$'
            THEN REGEXP_REPLACE(
              LOWER(REGEXP_REPLACE(CAST(`source`.`city` AS STRING), '^[{]|[}]$|-', '')),
              '^(.{8})(.{4})(.{4})(.{4})(.{12})$',
              '$1-$2-$3-$4-$5'
            )
          END IS NULL
        )
        THEN CASE
          WHEN LOWER(REGEXP_REPLACE(CAST(`source`.`city` AS STRING), '^[{]|[}]$|-', '')) RLIKE '^[0-9a-f]{32}$'
          THEN REGEXP_REPLACE(
            LOWER(REGEXP_REPLACE(CAST(`source`.`city` AS STRING), '^[{]|[}]$|-', '')),
            '^(.{8})(.{4})(.{4})(.{4})(.{12})$',
            '$1-$2-$3-$4-$5'
          )
        END
        ELSE CAST(RAISE_ERROR(
          CONCAT(
            '[repast] View \'fares\', column \'city\' of source \'trips\' has a value that is not a lossless Uuid key \'id\': ',
            REPLACE(CAST(`source`.`city` AS STRING), 'NaN', 'nan')
          )
        ) AS STRING)
      END,
      TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)))
    ) IN (
      SELECT
        `spine`.`whole`,
        `spine`.`id`,
        `spine`.`at`
      FROM `spine`
    )
), `moments` AS (
  SELECT
    `history`.`whole`,
    `history`.`id`,
    `history`.`at`,
    `history`.`__at`,
    0 AS `__side`,
    `history`.`__event`,
    CAST(NULL AS BIGINT) AS `__row`
  FROM `history`
  UNION ALL
  SELECT
    `spine`.`whole`,
    `spine`.`id`,
    `spine`.`at`,
    `spine`.`__time` AS `__at`,
    1 AS `__side`,
    CAST(NULL AS BIGINT) AS `__event`,
    `spine`.`__row`
  FROM `spine`
), `filled` AS (
  SELECT
    `moments`.`whole`,
    `moments`.`id`,
    `moments`.`at`,
    `moments`.`__at`,
    `moments`.`__side`,
    `moments`.`__row`,
    MAX(`moments`.`__event`) OVER (
      PARTITION BY `moments`.`whole`, `moments`.`id`, `moments`.`at`
      ORDER BY `moments`.`__at`, `moments`.`__side`
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS `__event`
  FROM `moments`
), `matched` AS (
  SELECT
    `filled`.`__row`,
    `filled`.`__at` AS `__time`,
    `filled`.`whole`,
    `filled`.`id`,
    `filled`.`at`,
    `filled`.`__event`
  FROM `filled`
  WHERE
    `filled`.`__side` = 1
    AND NOT `filled`.`__event` IS NULL
    AND `filled`.`__event` >= `filled`.`__at` - 86400000000
)
SELECT
  `matched`.`__row`,
  `matched`.`__event`,
  UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) AS `__created`,
  `source`.`fare` AS `fare`
FROM `matched`
INNER JOIN `lake`.`trips` AS `source`
  ON CASE
    WHEN (
      `source`.`half` IS NULL
      OR CAST(TRY_CAST(`source`.`half` AS BIGINT) AS DOUBLE) = `source`.`half`
    )
    THEN TRY_CAST(`source`.`half` AS BIGINT)
    ELSE CAST(RAISE_ERROR(
      CONCAT(
        '[repast] View \'fares\', column \'half\' of source \'trips\' has a value that is not a lossless Int64 key \'whole\': ',
        REPLACE(CAST(`source`.`half` AS STRING), 'NaN', 'nan')
      )
    ) AS BIGINT)
  END = `matched`.`whole`
  AND CASE
    WHEN (
      `source`.`city` IS NULL
      OR NOT CASE
        WHEN LOWER(REGEXP_REPLACE(CAST(`source`.`city` AS STRING), '^[{]|[}]$|-', '')) RLIKE '^[0-9a-f]{32}$'
        THEN REGEXP_REPLACE(
          LOWER(REGEXP_REPLACE(CAST(`source`.`city` AS STRING), '^[{]|[}]$|-', '')),
          '^(.{8})(.{4})(.{4})(.{4})(.{12})$',
          '$1-$2-$3-$4-$5'
        )
      END IS NULL
    )
    THEN CASE
      WHEN LOWER(REGEXP_REPLACE(CAST(`source`.`city` AS STRING), '^[{]|[}]$|-', '')) RLIKE '^[0-9a-f]{32}$'
      THEN REGEXP_REPLACE(
        LOWER(REGEXP_REPLACE(CAST(`source`.`city` AS STRING), '^[{]|[}]$|-', '')),
        '^(.{8})(.{4})(.{4})(.{4})(.{12})$',
        '$1-$2-$3-$4-$5'
      )
    END
    ELSE CAST(RAISE_ERROR(
      CONCAT(
        '[repast] View \'fares\', column \'city\' of source \'trips\' has a value that is not a lossless Uuid key \'id\': ',
        REPLACE(CAST(`source`.`city` AS STRING), 'NaN', 'nan')
      )
    ) AS STRING)
  END = `matched`.`id`
  AND TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP))) = `matched`.`at`
  AND `source`.`ended_at` = TIMESTAMP_MICROS(`matched`.`__event`)
WHERE
  `source`.`ended_at` >= TIMESTAMP_MICROS(1711756800000000)
  AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711929600000000);

-- join on a day
WITH `history` AS (
  SELECT
    CASE
      WHEN (
        `source`.`ended_at` IS NULL
        OR CAST(TRY_CAST(`source`.`ended_at` AS DATE) AS TIMESTAMP) = `source`.`ended_at`
      )
      THEN TRY_CAST(`source`.`ended_at` AS DATE)
      ELSE CAST(RAISE_ERROR(
        CONCAT(
          '[repast] View \'fares\', column \'ended_at\' of source \'trips\' has a value that is not a lossless Date key \'day\': ',
          REPLACE(CAST(`source`.`ended_at` AS STRING), 'NaN', 'nan')
        )
      ) AS DATE)
    END AS `day`,
    UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__event`,
    UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__at`
  FROM `lake`.`trips` AS `source`
  WHERE
    `source`.`ended_at` >= TIMESTAMP_MICROS(1711756800000000)
    AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711929600000000)
    AND CASE
      WHEN (
        `source`.`ended_at` IS NULL
        OR CAST(TRY_CAST(`source`.`ended_at` AS DATE) AS TIMESTAMP) = `source`.`ended_at`
      )
      THEN TRY_CAST(`source`.`ended_at` AS DATE)
      ELSE CAST(RAISE_ERROR(
        CONCAT(
          '[repast] View \'fares\', column \'ended_at\' of source \'trips\' has a value that is not a lossless Date key \'day\': ',
          REPLACE(CAST(`source`.`ended_at` AS STRING), 'NaN', 'nan')
        )
      ) AS DATE)
    END IN (
      SELECT
        `spine`.`day`
      FROM `spine`
    )
), `moments` AS (
  SELECT
    `history`.`day`,
    `history`.`__at`,
    0 AS `__side`,
    `history`.`__event`,
    CAST(NULL AS BIGINT) AS `__row`
  FROM `history`
  UNION ALL
  SELECT
    `spine`.`day`,
    `spine`.`__time` AS `__at`,
    1 AS `__side`,
    CAST(NULL AS BIGINT) AS `__event`,
    `spine`.`__row`
  FROM `spine`
), `filled` AS (
  SELECT
    `moments`.`day`,
    `moments`.`__at`,
    `moments`.`__side`,
    `moments`.`__row`,
    MAX(`moments`.`__event`) OVER (
      PARTITION BY `moments`.`day`
      ORDER BY `moments`.`__at`, `moments`.`__side`
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS `__event`
  FROM `moments`
), `matched` AS (
  SELECT
    `filled`.`__row`,
    `filled`.`__at` AS `__time`,
    `filled`.`day`,
    `filled`.`__event`
  FROM `filled`
  WHERE
    `filled`.`__side` = 1
    AND NOT `filled`.`__event` IS NULL
    AND `filled`.`__event` >= `filled`.`__at` - 86400000000
)
SELECT
  `matched`.`__row`,
  `matched`.`__event`,
  UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) AS `__created`,
  `source`.`fare` AS `fare`
FROM `matched`
INNER JOIN `lake`.`trips` AS `source`
  ON CASE
    WHEN (
      `source`.`ended_at` IS NULL
      OR CAST(TRY_CAST(`source`.`ended_at` AS DATE) AS TIMESTAMP) = `source`.`ended_at`
    )
    THEN TRY_CAST(`source`.`ended_at` AS DATE)
    ELSE CAST(RAISE_ERROR(
      CONCAT(
        '[repast] View \'fares\', column \'ended_at\' of source \'trips\' has a value that is not a lossless Date key \'day\': ',
        REPLACE(CAST(`source`.`ended_at` AS STRING), 'NaN', 'nan')
      )
    ) AS DATE)
  END = `matched`.`day`
  AND `source`.`ended_at` = TIMESTAMP_MICROS(`matched`.`__event`)
WHERE
  `source`.`ended_at` >= TIMESTAMP_MICROS(1711756800000000)
  AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711929600000000);

-- window of wall times in a zone
SELECT
  `source`.`driver_id` AS `driver`,
  CASE
    WHEN UNIX_MICROS(
      CAST(FROM_UTC_TIMESTAMP(
        CAST(TIMESTAMP_MICROS(
          UNIX_MICROS(
            CAST(TO_UTC_TIMESTAMP(
              CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP)) - 90000000000) AS TIMESTAMP_NTZ) AS TIMESTAMP),
              'Europe/Paris'
            ) AS TIMESTAMP)
          ) + 90000000000
        ) AS TIMESTAMP),
        'Europe/Paris'
      ) AS TIMESTAMP)
    ) = UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP))
    THEN UNIX_MICROS(
      CAST(TO_UTC_TIMESTAMP(
        CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP)) - 90000000000) AS TIMESTAMP_NTZ) AS TIMESTAMP),
        'Europe/Paris'
      ) AS TIMESTAMP)
    ) + 90000000000
    ELSE UNIX_MICROS(
      CAST(TO_UTC_TIMESTAMP(
        CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP))) AS TIMESTAMP_NTZ) AS TIMESTAMP),
        'Europe/Paris'
      ) AS TIMESTAMP)
    )
  END AS `__event`,
  CAST(NULL AS BIGINT) AS `__created`,
  `source`.`fare` AS `fare`
FROM `lake`.`trips` AS `source`
WHERE
  `source`.`wall` >= CAST(TIMESTAMP_MICROS(1711663200000000) AS TIMESTAMP_NTZ)
  AND `source`.`wall` <= CAST(TIMESTAMP_MICROS(1712026800000000) AS TIMESTAMP_NTZ)
  AND CASE
    WHEN UNIX_MICROS(
      CAST(FROM_UTC_TIMESTAMP(
        CAST(TIMESTAMP_MICROS(
          UNIX_MICROS(
            CAST(TO_UTC_TIMESTAMP(
              CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP)) - 90000000000) AS TIMESTAMP_NTZ) AS TIMESTAMP),
              'Europe/Paris'
            ) AS TIMESTAMP)
          ) + 90000000000
        ) AS TIMESTAMP),
        'Europe/Paris'
      ) AS TIMESTAMP)
    ) = UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP))
    THEN UNIX_MICROS(
      CAST(TO_UTC_TIMESTAMP(
        CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP)) - 90000000000) AS TIMESTAMP_NTZ) AS TIMESTAMP),
        'Europe/Paris'
      ) AS TIMESTAMP)
    ) + 90000000000
    ELSE UNIX_MICROS(
      CAST(TO_UTC_TIMESTAMP(
        CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP))) AS TIMESTAMP_NTZ) AS TIMESTAMP),
        'Europe/Paris'
      ) AS TIMESTAMP)
    )
  END >= 1711843200000000
  AND CASE
    WHEN UNIX_MICROS(
      CAST(FROM_UTC_TIMESTAMP(
        CAST(TIMESTAMP_MICROS(
          UNIX_MICROS(
            CAST(TO_UTC_TIMESTAMP(
              CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP)) - 90000000000) AS TIMESTAMP_NTZ) AS TIMESTAMP),
              'Europe/Paris'
            ) AS TIMESTAMP)
          ) + 90000000000
        ) AS TIMESTAMP),
        'Europe/Paris'
      ) AS TIMESTAMP)
    ) = UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP))
    THEN UNIX_MICROS(
      CAST(TO_UTC_TIMESTAMP(
        CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP)) - 90000000000) AS TIMESTAMP_NTZ) AS TIMESTAMP),
        'Europe/Paris'
      ) AS TIMESTAMP)
    ) + 90000000000
    ELSE UNIX_MICROS(
      CAST(TO_UTC_TIMESTAMP(
        CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP))) AS TIMESTAMP_NTZ) AS TIMESTAMP),
        'Europe/Paris'
      ) AS TIMESTAMP)
    )
  END <= 1711846800000000
  AND NOT `source`.`driver_id` IS NULL
  AND NOT CASE
    WHEN UNIX_MICROS(
      CAST(FROM_UTC_TIMESTAMP(
        CAST(TIMESTAMP_MICROS(
          UNIX_MICROS(
            CAST(TO_UTC_TIMESTAMP(
              CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP)) - 90000000000) AS TIMESTAMP_NTZ) AS TIMESTAMP),
              'Europe/Paris'
            ) AS TIMESTAMP)
          ) + 90000000000
        ) AS TIMESTAMP),
        'Europe/Paris'
      ) AS TIMESTAMP)
    ) = UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP))
    THEN UNIX_MICROS(
      CAST(TO_UTC_TIMESTAMP(
        CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP)) - 90000000000) AS TIMESTAMP_NTZ) AS TIMESTAMP),
        'Europe/Paris'
      ) AS TIMESTAMP)
    ) + 90000000000
    ELSE UNIX_MICROS(
      CAST(TO_UTC_TIMESTAMP(
        CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(CAST(`source`.`wall` AS TIMESTAMP))) AS TIMESTAMP_NTZ) AS TIMESTAMP),
        'Europe/Paris'
      ) AS TIMESTAMP)
    )
  END IS NULL;

-- window of times in text
SELECT
  `source`.`driver_id` AS `driver`,
  CASE
    WHEN NOT `source`.`text_time` IS NULL
    AND UNIX_MICROS(
      CAST(CASE
        WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
        THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
      END AS TIMESTAMP)
    ) IS NULL
    THEN CAST(RAISE_ERROR(
      CONCAT(
        '[repast] View \'fares\', column \'text_time\' of source \'trips\' has a value that is not a time: ',
        REPLACE(CAST(`source`.`text_time` AS STRING), 'NaN', 'nan')
      )
    ) AS BIGINT)
    WHEN `source`.`text_time` RLIKE ':[0-9]{2}([.][0-9]+)? ?([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$'
    THEN UNIX_MICROS(
      CAST(CASE
        WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
        THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
      END AS TIMESTAMP)
    )
    ELSE CASE
      WHEN UNIX_MICROS(
        CAST(FROM_UTC_TIMESTAMP(
          CAST(TIMESTAMP_MICROS(
            UNIX_MICROS(
              CAST(TO_UTC_TIMESTAMP(
                CAST(CAST(TIMESTAMP_MICROS(
                  UNIX_MICROS(
                    CAST(CASE
                      WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
                      THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
                    END AS TIMESTAMP)
                  ) - 90000000000
                ) AS TIMESTAMP_NTZ) AS TIMESTAMP),
                'Europe/Paris'
              ) AS TIMESTAMP)
            ) + 90000000000
          ) AS TIMESTAMP),
          'Europe/Paris'
        ) AS TIMESTAMP)
      ) = UNIX_MICROS(
        CAST(CASE
          WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
          THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
        END AS TIMESTAMP)
      )
      THEN UNIX_MICROS(
        CAST(TO_UTC_TIMESTAMP(
          CAST(CAST(TIMESTAMP_MICROS(
            UNIX_MICROS(
              CAST(CASE
                WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
                THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
              END AS TIMESTAMP)
            ) - 90000000000
          ) AS TIMESTAMP_NTZ) AS TIMESTAMP),
          'Europe/Paris'
        ) AS TIMESTAMP)
      ) + 90000000000
      ELSE UNIX_MICROS(
        CAST(TO_UTC_TIMESTAMP(
          CAST(CAST(TIMESTAMP_MICROS(
            UNIX_MICROS(
              CAST(CASE
                WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
                THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
              END AS TIMESTAMP)
            )
          ) AS TIMESTAMP_NTZ) AS TIMESTAMP),
          'Europe/Paris'
        ) AS TIMESTAMP)
      )
    END
  END AS `__event`,
  CAST(NULL AS BIGINT) AS `__created`,
  `source`.`fare` AS `fare`
FROM `lake`.`trips` AS `source`
WHERE
  CASE
    WHEN NOT `source`.`text_time` IS NULL
    AND UNIX_MICROS(
      CAST(CASE
        WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
        THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
      END AS TIMESTAMP)
    ) IS NULL
    THEN CAST(RAISE_ERROR(
      CONCAT(
        '[repast] View \'fares\', column \'text_time\' of source \'trips\' has a value that is not a time: ',
        REPLACE(CAST(`source`.`text_time` AS STRING), 'NaN', 'nan')
      )
    ) AS BIGINT)
    WHEN `source`.`text_time` RLIKE ':[0-9]{2}([.][0-9]+)? ?([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$'
    THEN UNIX_MICROS(
      CAST(CASE
        WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
        THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
      END AS TIMESTAMP)
    )
    ELSE CASE
      WHEN UNIX_MICROS(
        CAST(FROM_UTC_TIMESTAMP(
          CAST(TIMESTAMP_MICROS(
            UNIX_MICROS(
              CAST(TO_UTC_TIMESTAMP(
                CAST(CAST(TIMESTAMP_MICROS(
                  UNIX_MICROS(
                    CAST(CASE
                      WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
                      THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
                    END AS TIMESTAMP)
                  ) - 90000000000
                ) AS TIMESTAMP_NTZ) AS TIMESTAMP),
                'Europe/Paris'
              ) AS TIMESTAMP)
            ) + 90000000000
          ) AS TIMESTAMP),
          'Europe/Paris'
        ) AS TIMESTAMP)
      ) = UNIX_MICROS(
        CAST(CASE
          WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
          THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
        END AS TIMESTAMP)
      )
      THEN UNIX_MICROS(
        CAST(TO_UTC_TIMESTAMP(
          CAST(CAST(TIMESTAMP_MICROS(
            UNIX_MICROS(
              CAST(CASE
                WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
                THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
              END AS TIMESTAMP)
            ) - 90000000000
          ) AS TIMESTAMP_NTZ) AS TIMESTAMP),
          'Europe/Paris'
        ) AS TIMESTAMP)
      ) + 90000000000
      ELSE UNIX_MICROS(
        CAST(TO_UTC_TIMESTAMP(
          CAST(CAST(TIMESTAMP_MICROS(
            UNIX_MICROS(
              CAST(CASE
                WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
                THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
              END AS TIMESTAMP)
            )
          ) AS TIMESTAMP_NTZ) AS TIMESTAMP),
          'Europe/Paris'
        ) AS TIMESTAMP)
      )
    END
  END >= 1711843200000000
  AND NOT `source`.`driver_id` IS NULL
  AND NOT CASE
    WHEN NOT `source`.`text_time` IS NULL
    AND UNIX_MICROS(
      CAST(CASE
        WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
        THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
      END AS TIMESTAMP)
    ) IS NULL
    THEN CAST(RAISE_ERROR(
      CONCAT(
        '[repast] View \'fares\', column \'text_time\' of source \'trips\' has a value that is not a time: ',
        REPLACE(CAST(`source`.`text_time` AS STRING), 'NaN', 'nan')
      )
    ) AS BIGINT)
    WHEN `source`.`text_time` RLIKE ':[0-9]{2}([.][0-9]+)? ?([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$'
    THEN UNIX_MICROS(
      CAST(CASE
        WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
        THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
      END AS TIMESTAMP)
    )
    ELSE CASE
      WHEN UNIX_MICROS(
        CAST(FROM_UTC_TIMESTAMP(
          CAST(TIMESTAMP_MICROS(
            UNIX_MICROS(
              CAST(TO_UTC_TIMESTAMP(
                CAST(CAST(TIMESTAMP_MICROS(
                  UNIX_MICROS(
                    CAST(CASE
                      WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
                      THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
                    END AS TIMESTAMP)
                  ) - 90000000000
                ) AS TIMESTAMP_NTZ) AS TIMESTAMP),
                'Europe/Paris'
              ) AS TIMESTAMP)
            ) + 90000000000
          ) AS TIMESTAMP),
          'Europe/Paris'
        ) AS TIMESTAMP)
      ) = UNIX_MICROS(
        CAST(CASE
          WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
          THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
        END AS TIMESTAMP)
      )
      THEN UNIX_MICROS(
        CAST(TO_UTC_TIMESTAMP(
          CAST(CAST(TIMESTAMP_MICROS(
            UNIX_MICROS(
              CAST(CASE
                WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
                THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
              END AS TIMESTAMP)
            ) - 90000000000
          ) AS TIMESTAMP_NTZ) AS TIMESTAMP),
          'Europe/Paris'
        ) AS TIMESTAMP)
      ) + 90000000000
      ELSE UNIX_MICROS(
        CAST(TO_UTC_TIMESTAMP(
          CAST(CAST(TIMESTAMP_MICROS(
            UNIX_MICROS(
              CAST(CASE
                WHEN `source`.`text_time` RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}'
                THEN TRY_CAST(`source`.`text_time` AS TIMESTAMP)
              END AS TIMESTAMP)
            )
          ) AS TIMESTAMP_NTZ) AS TIMESTAMP),
          'Europe/Paris'
        ) AS TIMESTAMP)
      )
    END
  END IS NULL;

-- newest row per key
WITH `narrow` AS (
  SELECT
    `source`.`driver_id` AS `driver`,
    `source`.`city` AS `city`,
    UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__event`,
    COALESCE(UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)), -9223372036854775807) AS `__created`
  FROM `lake`.`trips` AS `source`
  WHERE
    `source`.`ended_at` <= TIMESTAMP_MICROS(1711843200000000)
    AND UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) <= 1711843200000000
    AND NOT `source`.`driver_id` IS NULL
    AND NOT `source`.`city` IS NULL
    AND NOT UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) IS NULL
), `latest` AS (
  SELECT
    `narrow`.`driver`,
    `narrow`.`city`,
    MAX(`narrow`.`__event`) AS `__event`
  FROM `narrow`
  GROUP BY
    `narrow`.`driver`,
    `narrow`.`city`
), `wanted` AS (
  SELECT
    `narrow`.`driver`,
    `narrow`.`city`,
    `narrow`.`__event`,
    MAX(`narrow`.`__created`) AS `__created`
  FROM `narrow`
  INNER JOIN `latest`
    ON `narrow`.`driver` = `latest`.`driver`
    AND `narrow`.`city` = `latest`.`city`
    AND `narrow`.`__event` = `latest`.`__event`
  GROUP BY
    `narrow`.`driver`,
    `narrow`.`city`,
    `narrow`.`__event`
)
SELECT
  `source`.`driver_id` AS `driver`,
  `source`.`city` AS `city`,
  UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__event`,
  UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) AS `__created`,
  `source`.`fare` AS `fare`
FROM `lake`.`trips` AS `source`
INNER JOIN `wanted`
  ON `source`.`driver_id` = `wanted`.`driver`
  AND `source`.`city` = `wanted`.`city`
  AND UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) = `wanted`.`__event`
  AND COALESCE(UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)), -9223372036854775807) = `wanted`.`__created`
WHERE
  `source`.`ended_at` <= TIMESTAMP_MICROS(1711843200000000)
  AND UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) <= 1711843200000000
  AND NOT `source`.`driver_id` IS NULL
  AND NOT `source`.`city` IS NULL
  AND NOT UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) IS NULL;

-- newest three that changed
WITH `narrow` AS (
  SELECT
    `source`.`driver_id` AS `driver`,
    `source`.`city` AS `city`,
    UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__event`,
    COALESCE(UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)), -9223372036854775807) AS `__created`
  FROM `lake`.`trips` AS `source`
  WHERE
    NOT `source`.`driver_id` IS NULL
    AND NOT `source`.`city` IS NULL
    AND NOT UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) IS NULL
    AND (
      UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) > 1711843200000000
      OR UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) >= 1711839600000000
      OR UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) IS NULL
    )
), `ranked` AS (
  SELECT
    `narrow`.`driver`,
    `narrow`.`city`,
    `narrow`.`__event`,
    `narrow`.`__created`,
    RANK() OVER (
      PARTITION BY `narrow`.`driver`, `narrow`.`city`
      ORDER BY `narrow`.`__event` DESC, `narrow`.`__created` DESC
    ) AS `__rank`
  FROM `narrow`
), `wanted` AS (
  SELECT DISTINCT
    `ranked`.`driver`,
    `ranked`.`city`,
    `ranked`.`__event`,
    `ranked`.`__created`
  FROM `ranked`
  WHERE
    `ranked`.`__rank` <= 3
)
SELECT
  `source`.`driver_id` AS `driver`,
  `source`.`city` AS `city`,
  UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__event`,
  UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) AS `__created`,
  `source`.`fare` AS `fare`
FROM `lake`.`trips` AS `source`
INNER JOIN `wanted`
  ON `source`.`driver_id` = `wanted`.`driver`
  AND `source`.`city` = `wanted`.`city`
  AND UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) = `wanted`.`__event`
  AND COALESCE(UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)), -9223372036854775807) = `wanted`.`__created`
WHERE
  NOT `source`.`driver_id` IS NULL
  AND NOT `source`.`city` IS NULL
  AND NOT UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) IS NULL
  AND (
    UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) > 1711843200000000
    OR UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) >= 1711839600000000
    OR UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) IS NULL
  );

-- counts of a load
SELECT
  COUNT(
    CASE
      WHEN `source`.`ended_at` >= TIMESTAMP_MICROS(1711843200000000)
      AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711846800000000)
      AND UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) >= 1711843200000000
      AND UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) <= 1711846800000000
      AND NOT `source`.`driver_id` IS NULL
      AND NOT `source`.`city` IS NULL
      AND NOT UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) IS NULL
      THEN 1
    END
  ) AS `read`,
  COUNT(
    CASE
      WHEN (
        `source`.`driver_id` IS NULL
        OR `source`.`city` IS NULL
        OR UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) IS NULL
      )
      THEN 1
    END
  ) AS `rejected`,
  MAX(
    CASE
      WHEN `source`.`ended_at` >= TIMESTAMP_MICROS(1711843200000000)
      AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711846800000000)
      AND UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) >= 1711843200000000
      AND UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) <= 1711846800000000
      AND NOT `source`.`driver_id` IS NULL
      AND NOT `source`.`city` IS NULL
      AND NOT UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) IS NULL
      THEN UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP))
    END
  ) AS `created_max`
FROM `lake`.`trips` AS `source`;

-- time line of two views, with a column of the spine
SELECT
  `source`.`driver_id` AS `__key_0`,
  UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__time`,
  0 AS `__side`,
  UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) AS `__slot_0`,
  `source`.`fare` AS `__slot_1`,
  NULL AS `__slot_2`
FROM `lake`.`trips_0` AS `source`
WHERE
  NOT `source`.`driver_id` IS NULL
  AND NOT `source`.`ended_at` IS NULL
  AND `source`.`ended_at` >= TIMESTAMP_MICROS(1711756800000000)
  AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711846800000000)
  AND `source`.`driver_id` IN (
    SELECT
      `spine`.`__key_0`
    FROM `spine`
  )
UNION ALL
SELECT
  `source`.`driver_id` AS `__key_0`,
  UNIX_MICROS(CAST(`source`.`ended_at` AS TIMESTAMP)) AS `__time`,
  1 AS `__side`,
  UNIX_MICROS(CAST(`source`.`stored_at` AS TIMESTAMP)) AS `__slot_0`,
  `source`.`fare` AS `__slot_1`,
  NULL AS `__slot_2`
FROM `lake`.`trips_1` AS `source`
WHERE
  NOT `source`.`driver_id` IS NULL
  AND NOT `source`.`ended_at` IS NULL
  AND `source`.`ended_at` <= TIMESTAMP_MICROS(1711846800000000)
  AND `source`.`driver_id` IN (
    SELECT
      `spine`.`__key_0`
    FROM `spine`
  )
UNION ALL
SELECT
  `spine`.`__key_0`,
  `spine`.`__time`,
  2 AS `__side`,
  `spine`.`__row` AS `__slot_0`,
  NULL AS `__slot_1`,
  `spine`.`__spine`.`label` AS `__slot_2`
FROM `spine`;
