-- join
WITH "history" AS (
  SELECT
    "source"."driver_id" AS "driver",
    EPOCH_US("source"."ended_at") AS "__event",
    EPOCH_US("source"."ended_at") AS "__at"
  FROM "lake"."trips" AS "source"
  WHERE
    "source"."ended_at" >= MAKE_TIMESTAMPTZ(1711756800000000)
    AND "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711929600000000)
    AND "source"."driver_id" IN (
      SELECT
        "spine"."driver"
      FROM "spine"
    )
), "matched" AS MATERIALIZED (
  SELECT
    "spine"."__row",
    "spine"."__time",
    "spine"."driver",
    "history"."__event"
  FROM "spine"
  ASOF JOIN "history"
    ON "spine"."driver" = "history"."driver" AND "spine"."__time" >= "history"."__at"
  WHERE
    "history"."__event" >= "spine"."__time" - 86400000000
)
SELECT
  "matched"."__row",
  "matched"."__event",
  EPOCH_US("source"."stored_at") AS "__created",
  "source"."fare" AS "fare"
FROM "matched"
INNER JOIN "lake"."trips" AS "source"
  ON "source"."driver_id" = "matched"."driver"
  AND "source"."ended_at" = MAKE_TIMESTAMPTZ("matched"."__event")
WHERE
  "source"."ended_at" >= MAKE_TIMESTAMPTZ(1711756800000000)
  AND "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711929600000000);

-- join through an index
WITH "history" AS (
  SELECT
    "source"."driver_id" AS "driver",
    EPOCH_US("source"."ended_at") AS "__event",
    EPOCH_US("source"."ended_at") AS "__at"
  FROM "lake"."trips" AS "source"
  WHERE
    "source"."ended_at" >= MAKE_TIMESTAMPTZ(1711670400000000)
    AND "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711929600000000)
    AND "source"."driver_id" IN (
      SELECT
        "spine"."driver"
      FROM "spine"
    )
), "matched" AS MATERIALIZED (
  SELECT
    "spine"."__row",
    "spine"."__time",
    "spine"."driver",
    "history"."__event"
  FROM "spine"
  ASOF JOIN "history"
    ON "spine"."driver" = "history"."driver" AND "spine"."__time" >= "history"."__at"
  WHERE
    "history"."__event" >= "spine"."__time" - 172800000000
)
SELECT
  "matched"."__row",
  "matched"."__event",
  EPOCH_US("source"."stored_at") AS "__created",
  "source"."fare" AS "fare"
FROM "matched"
INNER JOIN "lake"."trips" AS "source"
  ON "source"."driver_id" = "matched"."driver"
  AND "source"."ended_at" = MAKE_TIMESTAMPTZ("matched"."__event")
WHERE
  "source"."ended_at" >= MAKE_TIMESTAMPTZ(1711670400000000)
  AND "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711929600000000);

-- join, what was known at the time
WITH "history" AS (
  SELECT
    "history"."driver",
    "history"."city",
    "history"."__event",
    CASE
      WHEN "history"."__at" > "history"."__event"
      THEN "history"."__at"
      ELSE "history"."__event"
    END AS "__at"
  FROM (
    SELECT
      "source"."driver_id" AS "driver",
      CAST("source"."city" AS TEXT) AS "city",
      EPOCH_US("source"."ended_at") AS "__event",
      EPOCH_US("source"."stored_at") AS "__at"
    FROM "lake"."trips" AS "source"
    WHERE
      "source"."ended_at" >= MAKE_TIMESTAMPTZ(1711756800000000)
      AND "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711929600000000)
      AND ("source"."driver_id", CAST("source"."city" AS TEXT)) IN (
        SELECT
          "spine"."driver",
          "spine"."city"
        FROM "spine"
      )
  ) AS "history"
), "filled" AS (
  SELECT
    "history"."driver",
    "history"."city",
    "history"."__at",
    MAX("history"."__event") OVER (
      PARTITION BY "history"."driver", "history"."city"
      ORDER BY "history"."__at"
      RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS "__event"
  FROM "history"
), "matched" AS MATERIALIZED (
  SELECT
    "spine"."__row",
    "spine"."__time",
    "spine"."driver",
    "spine"."city",
    "filled"."__event"
  FROM "spine"
  ASOF JOIN "filled"
    ON "spine"."driver" = "filled"."driver"
    AND "spine"."city" = "filled"."city"
    AND "spine"."__time" >= "filled"."__at"
  WHERE
    "filled"."__event" >= "spine"."__time" - 86400000000
)
SELECT
  "matched"."__row",
  "matched"."__event",
  EPOCH_US("source"."stored_at") AS "__created",
  "source"."fare" AS "fare"
FROM "matched"
INNER JOIN "lake"."trips" AS "source"
  ON "source"."driver_id" = "matched"."driver"
  AND CAST("source"."city" AS TEXT) = "matched"."city"
  AND "source"."ended_at" = MAKE_TIMESTAMPTZ("matched"."__event")
  AND COALESCE(EPOCH_US("source"."stored_at"), -9223372036854775807) <= "matched"."__time"
WHERE
  "source"."ended_at" >= MAKE_TIMESTAMPTZ(1711756800000000)
  AND "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711929600000000);

-- join without keys
WITH "history" AS (
  SELECT
    EPOCH_US("source"."ended_at") AS "__event",
    EPOCH_US("source"."ended_at") AS "__at"
  FROM "lake"."trips" AS "source"
  WHERE
    "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711929600000000)
), "matched" AS MATERIALIZED (
  SELECT
    "spine"."__row",
    "spine"."__time",
    "history"."__event"
  FROM "spine"
  ASOF JOIN "history"
    ON "spine"."__time" >= "history"."__at"
)
SELECT
  "matched"."__row",
  "matched"."__event",
  EPOCH_US("source"."stored_at") AS "__created",
  "source"."fare" AS "fare"
FROM "matched"
INNER JOIN "lake"."trips" AS "source"
  ON "source"."ended_at" = MAKE_TIMESTAMPTZ("matched"."__event")
WHERE
  "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711929600000000);

-- join on keys of other types
WITH "history" AS (
  SELECT
    CASE
      WHEN (
        "source"."half" IS NULL
        OR CAST(TRY_CAST("source"."half" AS BIGINT) AS DOUBLE) = "source"."half"
      )
      THEN TRY_CAST("source"."half" AS BIGINT)
      ELSE CAST(ERROR(
        '[repast] View ''fares'', column ''half'' of source ''trips'' has a value that is not a lossless Int64 key ''whole'': ' || CAST("source"."half" AS TEXT)
      ) AS BIGINT)
    END AS "whole",
    CASE
      WHEN (
        "source"."city" IS NULL
        OR NOT CAST(TRY_CAST("source"."city" AS UUID) AS TEXT) IS NULL
      )
      THEN CAST(TRY_CAST("source"."city" AS UUID) AS TEXT)
      ELSE CAST(ERROR(
        '[repast] View ''fares'', column ''city'' of source ''trips'' has a value that is not a lossless Uuid key ''id'': ' || CAST("source"."city" AS TEXT)
      ) AS TEXT)
    END AS "id",
    MAKE_TIMESTAMPTZ(EPOCH_US("source"."ended_at")) AS "at",
    EPOCH_US("source"."ended_at") AS "__event",
    EPOCH_US("source"."ended_at") AS "__at"
  FROM "lake"."trips" AS "source"
  WHERE
    "source"."ended_at" >= MAKE_TIMESTAMPTZ(1711756800000000)
    AND "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711929600000000)
    AND (
      CASE
        WHEN (
          "source"."half" IS NULL
          OR CAST(TRY_CAST("source"."half" AS BIGINT) AS DOUBLE) = "source"."half"
        )
        THEN TRY_CAST("source"."half" AS BIGINT)
        ELSE CAST(ERROR(
          '[repast] View ''fares'', column ''half'' of source ''trips'' has a value that is not a lossless Int64 key ''whole'': ' || CAST("source"."half" AS TEXT)
        ) AS BIGINT)
      END,
      CASE
        WHEN (
          "source"."city" IS NULL
          OR NOT CAST(TRY_CAST("source"."city" AS UUID) AS TEXT) IS NULL
        )
        THEN CAST(TRY_CAST("source"."city" AS UUID) AS TEXT)
        ELSE CAST(ERROR(
          '[repast] View ''fares'', column ''city'' of source ''trips'' has a value that is not a lossless Uuid key ''id'': ' || CAST("source"."city" AS TEXT)
        ) AS TEXT)
      END,
      MAKE_TIMESTAMPTZ(EPOCH_US("source"."ended_at"))
    ) IN (
      SELECT
        "spine"."whole",
        "spine"."id",
        "spine"."at"
      FROM "spine"
    )
), "matched" AS MATERIALIZED (
  SELECT
    "spine"."__row",
    "spine"."__time",
    "spine"."whole",
    "spine"."id",
    "spine"."at",
    "history"."__event"
  FROM "spine"
  ASOF JOIN "history"
    ON "spine"."whole" = "history"."whole"
    AND "spine"."id" = "history"."id"
    AND "spine"."at" = "history"."at"
    AND "spine"."__time" >= "history"."__at"
  WHERE
    "history"."__event" >= "spine"."__time" - 86400000000
)
SELECT
  "matched"."__row",
  "matched"."__event",
  EPOCH_US("source"."stored_at") AS "__created",
  "source"."fare" AS "fare"
FROM "matched"
INNER JOIN "lake"."trips" AS "source"
  ON CASE
    WHEN (
      "source"."half" IS NULL
      OR CAST(TRY_CAST("source"."half" AS BIGINT) AS DOUBLE) = "source"."half"
    )
    THEN TRY_CAST("source"."half" AS BIGINT)
    ELSE CAST(ERROR(
      '[repast] View ''fares'', column ''half'' of source ''trips'' has a value that is not a lossless Int64 key ''whole'': ' || CAST("source"."half" AS TEXT)
    ) AS BIGINT)
  END = "matched"."whole"
  AND CASE
    WHEN (
      "source"."city" IS NULL
      OR NOT CAST(TRY_CAST("source"."city" AS UUID) AS TEXT) IS NULL
    )
    THEN CAST(TRY_CAST("source"."city" AS UUID) AS TEXT)
    ELSE CAST(ERROR(
      '[repast] View ''fares'', column ''city'' of source ''trips'' has a value that is not a lossless Uuid key ''id'': ' || CAST("source"."city" AS TEXT)
    ) AS TEXT)
  END = "matched"."id"
  AND MAKE_TIMESTAMPTZ(EPOCH_US("source"."ended_at")) = "matched"."at"
  AND "source"."ended_at" = MAKE_TIMESTAMPTZ("matched"."__event")
WHERE
  "source"."ended_at" >= MAKE_TIMESTAMPTZ(1711756800000000)
  AND "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711929600000000);

-- join on a day
WITH "history" AS (
  SELECT
    CASE
      WHEN (
        "source"."ended_at" IS NULL
        OR CAST(TRY_CAST("source"."ended_at" AS DATE) AS TIMESTAMPTZ) = "source"."ended_at"
      )
      THEN TRY_CAST("source"."ended_at" AS DATE)
      ELSE CAST(ERROR(
        '[repast] View ''fares'', column ''ended_at'' of source ''trips'' has a value that is not a lossless Date key ''day'': ' || CAST("source"."ended_at" AS TEXT)
      ) AS DATE)
    END AS "day",
    EPOCH_US("source"."ended_at") AS "__event",
    EPOCH_US("source"."ended_at") AS "__at"
  FROM "lake"."trips" AS "source"
  WHERE
    "source"."ended_at" >= MAKE_TIMESTAMPTZ(1711756800000000)
    AND "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711929600000000)
    AND CASE
      WHEN (
        "source"."ended_at" IS NULL
        OR CAST(TRY_CAST("source"."ended_at" AS DATE) AS TIMESTAMPTZ) = "source"."ended_at"
      )
      THEN TRY_CAST("source"."ended_at" AS DATE)
      ELSE CAST(ERROR(
        '[repast] View ''fares'', column ''ended_at'' of source ''trips'' has a value that is not a lossless Date key ''day'': ' || CAST("source"."ended_at" AS TEXT)
      ) AS DATE)
    END IN (
      SELECT
        "spine"."day"
      FROM "spine"
    )
), "matched" AS MATERIALIZED (
  SELECT
    "spine"."__row",
    "spine"."__time",
    "spine"."day",
    "history"."__event"
  FROM "spine"
  ASOF JOIN "history"
    ON "spine"."day" = "history"."day" AND "spine"."__time" >= "history"."__at"
  WHERE
    "history"."__event" >= "spine"."__time" - 86400000000
)
SELECT
  "matched"."__row",
  "matched"."__event",
  EPOCH_US("source"."stored_at") AS "__created",
  "source"."fare" AS "fare"
FROM "matched"
INNER JOIN "lake"."trips" AS "source"
  ON CASE
    WHEN (
      "source"."ended_at" IS NULL
      OR CAST(TRY_CAST("source"."ended_at" AS DATE) AS TIMESTAMPTZ) = "source"."ended_at"
    )
    THEN TRY_CAST("source"."ended_at" AS DATE)
    ELSE CAST(ERROR(
      '[repast] View ''fares'', column ''ended_at'' of source ''trips'' has a value that is not a lossless Date key ''day'': ' || CAST("source"."ended_at" AS TEXT)
    ) AS DATE)
  END = "matched"."day"
  AND "source"."ended_at" = MAKE_TIMESTAMPTZ("matched"."__event")
WHERE
  "source"."ended_at" >= MAKE_TIMESTAMPTZ(1711756800000000)
  AND "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711929600000000);

-- window of wall times in a zone
SELECT
  "source"."driver_id" AS "driver",
  CASE
    WHEN EPOCH_US(
      TIMEZONE(
        'Europe/Paris',
        MAKE_TIMESTAMPTZ(
          EPOCH_US(
            TIMEZONE('Europe/Paris', MAKE_TIMESTAMP(EPOCH_US("source"."wall") - 90000000000))
          ) + 90000000000
        )
      )
    ) = EPOCH_US("source"."wall")
    THEN EPOCH_US(
      TIMEZONE('Europe/Paris', MAKE_TIMESTAMP(EPOCH_US("source"."wall") - 90000000000))
    ) + 90000000000
    ELSE EPOCH_US(TIMEZONE('Europe/Paris', MAKE_TIMESTAMP(EPOCH_US("source"."wall"))))
  END AS "__event",
  CAST(NULL AS BIGINT) AS "__created",
  "source"."fare" AS "fare"
FROM "lake"."trips" AS "source"
WHERE
  "source"."wall" >= MAKE_TIMESTAMP(1711663200000000)
  AND "source"."wall" <= MAKE_TIMESTAMP(1712026800000000)
  AND CASE
    WHEN EPOCH_US(
      TIMEZONE(
        'Europe/Paris',
        MAKE_TIMESTAMPTZ(
          EPOCH_US(
            TIMEZONE('Europe/Paris', MAKE_TIMESTAMP(EPOCH_US("source"."wall") - 90000000000))
          ) + 90000000000
        )
      )
    ) = EPOCH_US("source"."wall")
    THEN EPOCH_US(
      TIMEZONE('Europe/Paris', MAKE_TIMESTAMP(EPOCH_US("source"."wall") - 90000000000))
    ) + 90000000000
    ELSE EPOCH_US(TIMEZONE('Europe/Paris', MAKE_TIMESTAMP(EPOCH_US("source"."wall"))))
  END >= 1711843200000000
  AND CASE
    WHEN EPOCH_US(
      TIMEZONE(
        'Europe/Paris',
        MAKE_TIMESTAMPTZ(
          EPOCH_US(
            TIMEZONE('Europe/Paris', MAKE_TIMESTAMP(EPOCH_US("source"."wall") - 90000000000))
          ) + 90000000000
        )
      )
    ) = EPOCH_US("source"."wall")
    THEN EPOCH_US(
      TIMEZONE('Europe/Paris', MAKE_TIMESTAMP(EPOCH_US("source"."wall") - 90000000000))
    ) + 90000000000
    ELSE EPOCH_US(TIMEZONE('Europe/Paris', MAKE_TIMESTAMP(EPOCH_US("source"."wall"))))
  END <= 1711846800000000
  AND NOT "source"."driver_id" IS NULL
  AND NOT CASE
    WHEN EPOCH_US(
      TIMEZONE(
        'Europe/Paris',
        MAKE_TIMESTAMPTZ(
          EPOCH_US(
            TIMEZONE('Europe/Paris', MAKE_TIMESTAMP(EPOCH_US("source"."wall") - 90000000000))
          ) + 90000000000
        )
      )
    ) = EPOCH_US("source"."wall")
    THEN EPOCH_US(
      TIMEZONE('Europe/Paris', MAKE_TIMESTAMP(EPOCH_US("source"."wall") - 90000000000))
    ) + 90000000000
    ELSE EPOCH_US(TIMEZONE('Europe/Paris', MAKE_TIMESTAMP(EPOCH_US("source"."wall"))))
  END IS NULL;

-- window of times in text
SELECT
  "source"."driver_id" AS "driver",
  CASE
    WHEN NOT "source"."text_time" IS NULL
    AND EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ)) IS NULL
    THEN CAST(ERROR(
      '[repast] View ''fares'', column ''text_time'' of source ''trips'' has a value that is not a time: ' || CAST("source"."text_time" AS TEXT)
    ) AS BIGINT)
    WHEN REGEXP_MATCHES("source"."text_time", ':\d\d(\.\d+)? ?([zZ]|[+-]\d\d(:?\d\d)?)$')
    THEN EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ))
    ELSE CASE
      WHEN EPOCH_US(
        TIMEZONE(
          'Europe/Paris',
          MAKE_TIMESTAMPTZ(
            EPOCH_US(
              TIMEZONE(
                'Europe/Paris',
                MAKE_TIMESTAMP(EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ)) - 90000000000)
              )
            ) + 90000000000
          )
        )
      ) = EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ))
      THEN EPOCH_US(
        TIMEZONE(
          'Europe/Paris',
          MAKE_TIMESTAMP(EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ)) - 90000000000)
        )
      ) + 90000000000
      ELSE EPOCH_US(
        TIMEZONE(
          'Europe/Paris',
          MAKE_TIMESTAMP(EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ)))
        )
      )
    END
  END AS "__event",
  CAST(NULL AS BIGINT) AS "__created",
  "source"."fare" AS "fare"
FROM "lake"."trips" AS "source"
WHERE
  CASE
    WHEN NOT "source"."text_time" IS NULL
    AND EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ)) IS NULL
    THEN CAST(ERROR(
      '[repast] View ''fares'', column ''text_time'' of source ''trips'' has a value that is not a time: ' || CAST("source"."text_time" AS TEXT)
    ) AS BIGINT)
    WHEN REGEXP_MATCHES("source"."text_time", ':\d\d(\.\d+)? ?([zZ]|[+-]\d\d(:?\d\d)?)$')
    THEN EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ))
    ELSE CASE
      WHEN EPOCH_US(
        TIMEZONE(
          'Europe/Paris',
          MAKE_TIMESTAMPTZ(
            EPOCH_US(
              TIMEZONE(
                'Europe/Paris',
                MAKE_TIMESTAMP(EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ)) - 90000000000)
              )
            ) + 90000000000
          )
        )
      ) = EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ))
      THEN EPOCH_US(
        TIMEZONE(
          'Europe/Paris',
          MAKE_TIMESTAMP(EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ)) - 90000000000)
        )
      ) + 90000000000
      ELSE EPOCH_US(
        TIMEZONE(
          'Europe/Paris',
          MAKE_TIMESTAMP(EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ)))
        )
      )
    END
  END >= 1711843200000000
  AND NOT "source"."driver_id" IS NULL
  AND NOT CASE
    WHEN NOT "source"."text_time" IS NULL
    AND EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ)) IS NULL
    THEN CAST(ERROR(
      '[repast] View ''fares'', column ''text_time'' of source ''trips'' has a value that is not a time: ' || CAST("source"."text_time" AS TEXT)
    ) AS BIGINT)
    WHEN REGEXP_MATCHES("source"."text_time", ':\d\d(\.\d+)? ?([zZ]|[+-]\d\d(:?\d\d)?)$')
    THEN EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ))
    ELSE CASE
      WHEN EPOCH_US(
        TIMEZONE(
          'Europe/Paris',
          MAKE_TIMESTAMPTZ(
            EPOCH_US(
              TIMEZONE(
                'Europe/Paris',
                MAKE_TIMESTAMP(EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ)) - 90000000000)
              )
            ) + 90000000000
          )
        )
      ) = EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ))
      THEN EPOCH_US(
        TIMEZONE(
          'Europe/Paris',
          MAKE_TIMESTAMP(EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ)) - 90000000000)
        )
      ) + 90000000000
      ELSE EPOCH_US(
        TIMEZONE(
          'Europe/Paris',
          MAKE_TIMESTAMP(EPOCH_US(TRY_CAST("source"."text_time" AS TIMESTAMPTZ)))
        )
      )
    END
  END IS NULL;

-- newest row per key
WITH "narrow" AS (
  SELECT
    "source"."driver_id" AS "driver",
    "source"."city" AS "city",
    EPOCH_US("source"."ended_at") AS "__event",
    COALESCE(EPOCH_US("source"."stored_at"), -9223372036854775807) AS "__created"
  FROM "lake"."trips" AS "source"
  WHERE
    "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711843200000000)
    AND EPOCH_US("source"."ended_at") <= 1711843200000000
    AND NOT "source"."driver_id" IS NULL
    AND NOT "source"."city" IS NULL
    AND NOT EPOCH_US("source"."ended_at") IS NULL
), "latest" AS (
  SELECT
    "narrow"."driver",
    "narrow"."city",
    MAX("narrow"."__event") AS "__event"
  FROM "narrow"
  GROUP BY
    "narrow"."driver",
    "narrow"."city"
), "wanted" AS (
  SELECT
    "narrow"."driver",
    "narrow"."city",
    "narrow"."__event",
    MAX("narrow"."__created") AS "__created"
  FROM "narrow"
  INNER JOIN "latest"
    ON "narrow"."driver" = "latest"."driver"
    AND "narrow"."city" = "latest"."city"
    AND "narrow"."__event" = "latest"."__event"
  GROUP BY
    "narrow"."driver",
    "narrow"."city",
    "narrow"."__event"
)
SELECT
  "source"."driver_id" AS "driver",
  "source"."city" AS "city",
  EPOCH_US("source"."ended_at") AS "__event",
  EPOCH_US("source"."stored_at") AS "__created",
  "source"."fare" AS "fare"
FROM "lake"."trips" AS "source"
INNER JOIN "wanted"
  ON "source"."driver_id" = "wanted"."driver"
  AND "source"."city" = "wanted"."city"
  AND EPOCH_US("source"."ended_at") = "wanted"."__event"
  AND COALESCE(EPOCH_US("source"."stored_at"), -9223372036854775807) = "wanted"."__created"
WHERE
  "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711843200000000)
  AND EPOCH_US("source"."ended_at") <= 1711843200000000
  AND NOT "source"."driver_id" IS NULL
  AND NOT "source"."city" IS NULL
  AND NOT EPOCH_US("source"."ended_at") IS NULL;

-- newest three that changed
WITH "narrow" AS (
  SELECT
    "source"."driver_id" AS "driver",
    "source"."city" AS "city",
    EPOCH_US("source"."ended_at") AS "__event",
    COALESCE(EPOCH_US("source"."stored_at"), -9223372036854775807) AS "__created"
  FROM "lake"."trips" AS "source"
  WHERE
    NOT "source"."driver_id" IS NULL
    AND NOT "source"."city" IS NULL
    AND NOT EPOCH_US("source"."ended_at") IS NULL
    AND (
      EPOCH_US("source"."ended_at") > 1711843200000000
      OR EPOCH_US("source"."stored_at") >= 1711839600000000
      OR EPOCH_US("source"."stored_at") IS NULL
    )
), "ranked" AS (
  SELECT
    "narrow"."driver",
    "narrow"."city",
    "narrow"."__event",
    "narrow"."__created",
    RANK() OVER (
      PARTITION BY "narrow"."driver", "narrow"."city"
      ORDER BY "narrow"."__event" DESC, "narrow"."__created" DESC
    ) AS "__rank"
  FROM "narrow"
), "wanted" AS (
  SELECT DISTINCT
    "ranked"."driver",
    "ranked"."city",
    "ranked"."__event",
    "ranked"."__created"
  FROM "ranked"
  WHERE
    "ranked"."__rank" <= 3
)
SELECT
  "source"."driver_id" AS "driver",
  "source"."city" AS "city",
  EPOCH_US("source"."ended_at") AS "__event",
  EPOCH_US("source"."stored_at") AS "__created",
  "source"."fare" AS "fare"
FROM "lake"."trips" AS "source"
INNER JOIN "wanted"
  ON "source"."driver_id" = "wanted"."driver"
  AND "source"."city" = "wanted"."city"
  AND EPOCH_US("source"."ended_at") = "wanted"."__event"
  AND COALESCE(EPOCH_US("source"."stored_at"), -9223372036854775807) = "wanted"."__created"
WHERE
  NOT "source"."driver_id" IS NULL
  AND NOT "source"."city" IS NULL
  AND NOT EPOCH_US("source"."ended_at") IS NULL
  AND (
    EPOCH_US("source"."ended_at") > 1711843200000000
    OR EPOCH_US("source"."stored_at") >= 1711839600000000
    OR EPOCH_US("source"."stored_at") IS NULL
  );

-- counts of a load
SELECT
  COUNT(
    CASE
      WHEN "source"."ended_at" >= MAKE_TIMESTAMPTZ(1711843200000000)
      AND "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711846800000000)
      AND EPOCH_US("source"."ended_at") >= 1711843200000000
      AND EPOCH_US("source"."ended_at") <= 1711846800000000
      AND NOT "source"."driver_id" IS NULL
      AND NOT "source"."city" IS NULL
      AND NOT EPOCH_US("source"."ended_at") IS NULL
      THEN 1
    END
  ) AS "read",
  COUNT(
    CASE
      WHEN (
        "source"."driver_id" IS NULL
        OR "source"."city" IS NULL
        OR EPOCH_US("source"."ended_at") IS NULL
      )
      THEN 1
    END
  ) AS "rejected",
  MAX(
    CASE
      WHEN "source"."ended_at" >= MAKE_TIMESTAMPTZ(1711843200000000)
      AND "source"."ended_at" <= MAKE_TIMESTAMPTZ(1711846800000000)
      AND EPOCH_US("source"."ended_at") >= 1711843200000000
      AND EPOCH_US("source"."ended_at") <= 1711846800000000
      AND NOT "source"."driver_id" IS NULL
      AND NOT "source"."city" IS NULL
      AND NOT EPOCH_US("source"."ended_at") IS NULL
      THEN EPOCH_US("source"."stored_at")
    END
  ) AS "created_max"
FROM "lake"."trips" AS "source";
