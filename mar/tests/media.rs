//! The service as other services and players see it: on SQLite and the embedded store, and on PostgreSQL
//! and versitygw.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

mod media {
    pub(crate) mod assets;
    pub(crate) mod origin;
    pub(crate) mod recorded;
    pub(crate) mod recordings;
    pub(crate) mod service;
    pub(crate) mod uploads;
}

/// Runs tests on one kind of database.
macro_rules! tests_on {
    ($module:ident, $database:expr, $($area:ident { $($name:ident)* })*) => {
        mod $module {
            $($(
                #[tokio::test]
                async fn $name() {
                    $crate::media::$area::$name($database).await;
                }
            )*)*
        }
    };
}

macro_rules! tests_on_both {
    ($($tests:tt)*) => {
        tests_on!(sqlite, crate::media::service::Database::Sqlite, $($tests)*);
        tests_on!(postgres, crate::media::service::Database::Postgres, $($tests)*);
    };
}

tests_on_both! {
    recordings {
        a_recording_becomes_ready_when_it_is_finished_and_again_is_fine
        the_same_idempotency_key_makes_one_recording
        a_finish_that_names_more_than_the_bucket_holds_is_refused
        a_recording_without_a_segment_is_errored
        a_recording_whose_mixer_is_gone_is_finished_from_the_bucket_and_opens_again
        sets_that_no_index_names_are_recovered_when_the_mixer_is_gone
        a_recording_that_no_index_names_is_recovered_from_its_files
        events_are_delivered_in_order
    }
    uploads {
        an_upload_resumes_after_a_reload_and_becomes_an_asset_that_prepares
        an_upload_with_missing_parts_is_not_completed
        an_upload_that_is_given_up_or_forgotten_errors_its_asset
        an_upload_of_an_impossible_size_is_refused
    }
    assets {
        assets_are_listed_newest_first_page_by_page
        a_deleted_asset_takes_its_files_along
        captions_are_checked_listed_and_removed
        callers_without_the_right_credentials_are_refused
        playback_ids_come_and_go
        a_transform_publishes_in_its_own_transaction
        everything_is_there_after_a_restart
    }
    origin {
        a_replay_plays_across_a_gap_with_captions
        a_signed_replay_needs_its_token_everywhere
    }
}
