"""What Feast's users suffer, what happens here instead, and the tests that show it.

``docs/reference/feast-pains.md`` is made from this by ``scripts/make_feast_pains.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

HERE = "tests/pains/test_feast_pains.py::"
POINT = "tests/historical/test_point_in_time.py::"
LAW = "tests/law/test_law.py::"
MOMENT = "tests/historical/test_moment.py::"
SPINE = "tests/historical/test_spine_kind.py::"
TRAINING = "tests/historical/test_on_demand_training.py::"
JOB = "tests/historical/test_retrieval_job.py::"
ONLINE = "tests/serving/test_online_read.py::"
SERVING = "tests/serving/test_serving_store.py::"
ON_DEMAND = "tests/serving/test_on_demand_online.py::"
WRITE = "tests/serving/test_write.py::"
LOAD = "tests/load/test_load.py::"
LOAD_FAULT = "tests/load/test_load_fault.py::"
LOAD_TYPE = "tests/load/test_load_type.py::"
APPLY = "tests/apply/test_apply.py::"
APPLY_PAIN = "tests/apply/test_feast_pains_apply.py::"
REDIS = "tests/online_store/test_redis_store.py::TestRedisOnlineStore::"


@dataclass(frozen=True, slots=True)
class Pain:
    """One defect: what it looks like in Feast, what is so here, where that is shown.

    Attributes:
        number: What tests and issues call it.
        feast: What Feast does.
        repast: What Repast does.
        threads: Issues of feast-dev/feast about it.
        tests: Names of tests; each must be collected.

    """

    number: int
    feast: str
    repast: str
    threads: tuple[int, ...]
    tests: tuple[str, ...]


AREAS: dict[str, tuple[Pain, ...]] = {
    "Training data": (
        Pain(
            1,
            "Rows of the entity frame that have the same keys and time are merged; their labels are lost.",
            "As many rows come back as went in, repeats included.",
            (6787,),
            (POINT + "test_rows_in_are_rows_out_duplicates_included",),
        ),
        Pain(
            2,
            "Rows that are past the ttl, or before a key's first value, vanish.",
            "They stay, with typed nulls.",
            (),
            (POINT + "test_misses_are_kept_as_nulls_where_they_were", POINT + "test_ttl_and_time_include_both_ends"),
        ),
        Pain(
            3,
            "Of rows with one event time the one recorded last wins only sometimes.",
            "It wins for every key.",
            (3360,),
            (POINT + "test_the_row_recorded_last_wins_among_equal_event_times_for_every_key",),
        ),
        Pain(
            4,
            "The order is not kept: misses move to the front.",
            "Order, columns and index are those of the entity frame.",
            (),
            (
                POINT + "test_misses_are_kept_as_nulls_where_they_were",
                SPINE + "test_a_pandas_spine_is_untouched",
                LAW + "test_training_data_is_what_the_oracle_says_and_the_spine_is_untouched",
            ),
        ),
        Pain(
            5,
            "The same call on an unchanged file gives other answers where event times tie (DuckDB).",
            "The same bytes, at any number of threads.",
            (),
            (
                POINT + "test_the_same_call_gives_the_same_bytes",
                LAW + "test_the_order_of_rows_files_and_threads_changes_nothing",
            ),
        ),
        Pain(
            6,
            "A row that was recorded after a moment is training data of that moment; one cannot ask what was known.",
            '`as_of="available"` asks what was on record by then; `repast migrate shadow` counts the rows concerned.',
            (6615,),
            (
                POINT + "test_available_asks_what_was_known_at_the_time",
                MOMENT + "test_available_is_what_was_known_at_each_event",
                "tests/migration/test_migrate_shadow.py::test_late_rows_in_what_feast_has_loaded",
            ),
        ),
        Pain(
            7,
            "Offline stores disagree with each other.",
            "One suite holds every engine to an oracle of plain Python.",
            (2960, 3429),
            (
                "tests/engine/test_duckdb_suite.py::TestDuckDBEngine::test_random_rows_against_the_oracle",
                "tests/engine/test_portable_suite.py::TestPortableStatements::test_random_rows_against_the_oracle",
                "tests/engine/test_postgres_suite.py::TestPostgresEngine::test_random_rows_against_the_oracle",
                "tests/engine/test_clickhouse_suite.py::TestClickHouseEngine::test_random_rows_against_the_oracle",
                "tests/spark/test_spark_suite.py::TestSparkEngine::test_random_rows_against_the_oracle",
            ),
        ),
        Pain(
            8,
            "Integers become floats where one value is missing, and lose digits; nulls in lists become 0 or an empty "
            "text, or end the load.",
            "Types are what was declared, nulls and all.",
            (),
            (
                POINT + "test_whole_numbers_stay_whole_numbers",
                POINT + "test_null_empty_and_lists_with_nulls_stay_apart",
                LOAD_TYPE + "test_every_type_is_the_same_online_null_and_all",
            ),
        ),
        Pain(
            9,
            "37 MB with a thousand features take half an hour and 50 GB; a view without entities is a cross join.",
            "Seconds, in about the memory of the result; a view without entities is one history.",
            (3003, 3863),
            (
                HERE + "test_09_a_thousand_features",
                HERE + "test_09_a_view_without_entities_is_no_cross_join",
                JOB + "test_memory_is_bounded_by_the_spine_not_by_the_result",
            ),
        ),
        Pain(
            10,
            'No easy way to "all entities", "the last n", "between".',
            "`start_date`, `end_date` and `last_n` take the place of an entity frame.",
            (1611,),
            (
                MOMENT + "test_rows_of_a_range_come_sorted_each_time_once_with_the_winner",
                MOMENT + "test_the_latest_values_of_every_key",
            ),
        ),
        Pain(
            11,
            "An on-demand function gets the feature of another view that has the same name.",
            "A function sees the features of its own sources.",
            (3165,),
            (
                TRAINING + "test_a_feature_is_that_of_its_own_view",
                ON_DEMAND + "test_a_function_sees_its_own_inputs_only",
            ),
        ),
    ),
    "Serving": (
        Pain(
            12,
            "The ttl is not looked at when values are served.",
            "What is older is null, status OUTSIDE_MAX_AGE, as in training data.",
            (1802, 4133, 6821),
            (
                ONLINE + "test_ttl_holds_online_and_both_ends_are_included",
                LAW + "test_online_after_a_load_is_offline_at_that_time",
            ),
        ),
        Pain(
            13,
            "A row that arrives late never reaches the online store.",
            "The next incremental load brings it.",
            (4133,),
            (LOAD + "test_a_late_row_and_a_late_new_entity_reach_the_online_store",),
        ),
        Pain(
            14,
            "An older push replaces a newer value; so do batches in the wrong order.",
            "A key never goes back, whatever the order of writes, to the microsecond.",
            (5163, 5807),
            (
                WRITE + "test_an_older_row_never_replaces_a_newer_one",
                LAW + "test_loads_are_idempotent_and_their_order_is_irrelevant",
                REDIS + "test_only_greater_values_survive",
            ),
        ),
        Pain(
            15,
            "Declared Int64, stored 1.75: training sees 1.75, serving 1. Old values are served under a new type.",
            "A value that does not fit is refused by name, in training and loads alike; a new type is a migration.",
            (),
            (
                POINT + "test_a_value_that_would_change_is_refused_and_named",
                LOAD + "test_a_value_that_does_not_fit_refuses_the_view_and_names_everything",
                SERVING + "test_a_type_change_serves_no_old_values",
            ),
        ),
        Pain(
            16,
            "Key 1.9 or True is answered with the features of entity 1; '1' works online and fails offline.",
            "A key is of its declared type without loss, or refused, everywhere alike.",
            (4110,),
            (
                HERE + "test_16_a_wrong_key_is_refused_in_training_serving_and_pushes_alike",
                HERE + "test_16_a_narrow_key_over_http",
                SPINE + "test_keys_that_would_change_are_refused_at_the_call",
            ),
        ),
        Pain(
            17,
            "A view cannot be served while it is loaded.",
            "Reads go on, and see whole rows.",
            (6780,),
            (LOAD_FAULT + "test_reads_go_on_and_see_whole_rows_while_a_load_runs",),
        ),
        Pain(
            18,
            "A request costs more with every view that is registered, and one round trip per view.",
            "A plan is made once; a request is one call of the store.",
            (3442, 3259, 6856, 4887),
            (
                SERVING + "test_the_cost_of_a_read_does_not_grow_with_the_views_that_are_registered",
                ONLINE + "test_all_views_are_one_call_of_the_store_and_shared_keys_are_encoded_once",
                ONLINE + "test_a_request_after_the_first_resolves_nothing",
            ),
        ),
        Pain(
            19,
            "Redis keys of deleted views stay, or cost a scan of everything.",
            "A view is its own hash: dropping it is one command.",
            (1806, 4189),
            (
                REDIS + "test_drop_removes_the_rows_and_the_table",
                REDIS + "test_drop_and_erase_leave_other_tables_alone",
            ),
        ),
        Pain(
            20,
            "The rows of one entity cannot be deleted.",
            "`FeatureStore.erase` deletes them, in every view.",
            (3285,),
            (
                SERVING + "test_erase_forgets_a_key_online",
                WRITE + "test_erase_removes_the_rows_of_every_view_whose_keys_are_given",
            ),
        ),
    ),
    "Loading": (
        Pain(
            21,
            "Loads take gigabytes for thousands of rows, hours, or die without a word.",
            "Memory is bounded by the engine's limit, whatever the number of rows; progress is told.",
            (3468, 2594, 6307),
            (
                "tests/load/test_load_memory.py::test_three_million_rows_need_no_more_memory_than_the_engine_is_given",
                LOAD + "test_progress_is_told_per_view_and_ends_with_a_total",
            ),
        ),
        Pain(
            22,
            "An end in the future breaks later loads; the watermark moves before the load is done.",
            "Neither: what was read is remembered when its rows are on the disk.",
            (4222, 3787),
            (
                LOAD + "test_an_end_in_the_future_does_not_break_later_loads",
                LOAD_FAULT + "test_rows_are_on_the_disk_before_they_are_remembered_as_read",
            ),
        ),
        Pain(
            23,
            "The registry grows with every load; a truncated one stops the server.",
            "Bookkeeping stays one small document; who is open serves on when a document is damaged.",
            (5800,),
            (
                LOAD + "test_bookkeeping_does_not_grow_with_loads",
                "tests/fault/test_corruption.py::test_registry",
            ),
        ),
        Pain(
            24,
            "Nanoseconds, as pandas writes them, fail with the DuckDB store.",
            "They are floored to microseconds, by rule.",
            (),
            (
                LOAD_TYPE + "test_nanoseconds_as_pandas_writes_them",
                POINT + "test_nanoseconds_of_pandas_are_floored",
            ),
        ),
    ),
    "Registry and definitions": (
        Pain(
            25,
            "Of 32 concurrent applies all report success, and half of them are lost.",
            "All survive; of two that change one object, one is told.",
            (),
            (
                "tests/apply/test_concurrent_apply.py::test_sixty_four_applies_of_eight_processes_survive",
                "tests/apply/test_concurrent_apply.py::"
                "test_of_two_applies_of_one_object_one_conflicts_and_loses_nothing",
            ),
        ),
        Pain(
            26,
            "Teardown removes all projects; an apply drops another project's tables.",
            "A project cannot touch another one's objects or data.",
            (3591, 5616),
            (
                APPLY_PAIN + "test_26_teardown_and_apply_keep_to_their_project",
                APPLY + "test_projects_in_one_registry_and_store_do_not_touch_each_other",
            ),
        ),
        Pain(
            27,
            "Changes are seen after up to ten minutes.",
            "At once, where the registry is a file; within seconds elsewhere.",
            (5664,),
            (APPLY_PAIN + "test_27_what_one_process_applies_another_sees_at_once",),
        ),
        Pain(
            28,
            "Functions are pickled into the registry: whoever writes it runs code elsewhere (GHSA-q63x-9pfm-mjx4); "
            "helpers are not found; another one's broken function breaks your push.",
            "The registry holds text that is never run; functions come from the user's own files.",
            (5893,),
            (
                APPLY_PAIN + "test_28_the_registry_holds_text_that_is_never_run",
                APPLY_PAIN + "test_28_helpers_of_the_same_module_are_found",
                ON_DEMAND + "test_somebody_elses_broken_function_breaks_nothing",
                "tests/apply/test_function_loading.py::test_the_registry_cannot_name_code_that_the_user_did_not_write",
            ),
        ),
        Pain(
            29,
            "apply accepts a column that does not exist; the load dies with KeyError. So does a misspelt feature.",
            "Plan and apply refuse it and suggest the right one; so does a request.",
            (),
            (
                APPLY_PAIN + "test_29_a_column_that_does_not_exist_is_refused_by_plan_and_apply",
                "tests/core/test_refs.py::test_what_does_not_exist_is_named_with_the_nearest_that_does",
            ),
        ),
        Pain(
            30,
            "What does apply do? The quickstart has absolute paths and no .gitignore.",
            "`repast plan` shows exactly what apply does; a new project can be moved, and ignores what it makes.",
            (4593, 2491),
            (
                APPLY + "test_plan_shows_what_apply_does_and_changes_nothing",
                HERE + "test_30_a_new_project_may_be_moved_and_commits_no_data",
            ),
        ),
        Pain(
            31,
            "A broken file or a folder of notebook checkpoints in the repo breaks apply.",
            "Checkpoints are no definitions; a broken file is named, and nothing is lost.",
            (),
            (
                APPLY_PAIN + "test_31_notebook_checkpoints_and_broken_files",
                "packages/feast-compat/tests/test_tutorial_2022.py::test_the_whole_tutorial",
            ),
        ),
    ),
    "Weight": (
        Pain(
            32,
            "78 packages of 694 MB; seconds of processor time for an import or `--help`.",
            "14 packages of about half the size; heavy ones are imported when they are needed.",
            (),
            (
                HERE + "test_32_an_installation_is_small",
                "tests/package/test_public_api.py::test_importing_loads_nothing_heavy",
                "tests/cli/test_help.py::test_help_imports_nothing_heavy",
            ),
        ),
        Pain(
            33,
            "Memory leaks; guides for production recycle workers.",
            "Memory stays flat over many thousand requests.",
            (3250, 3341),
            (HERE + "test_33_memory_stays_flat", "tests/fault/test_soak.py::test_twenty_seconds_of_everything_at_once"),
        ),
        Pain(
            34,
            "A misspelt option passes, and its right spelling is refused (`bacth_size` of MySQL).",
            "Options are checked against the store's own, with a suggestion.",
            (),
            (
                HERE + "test_34_a_misspelt_option_is_refused_and_the_right_one_taken",
                "tests/config/test_plugin.py::test_all_that_is_wrong_with_its_options",
            ),
        ),
    ),
}
PAINS = [pain for pains in AREAS.values() for pain in pains]
