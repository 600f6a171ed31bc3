//! The same questions to the embedded store and to an S3 server that is not ours.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

mod store {
    pub(crate) mod embedded_only;
    pub(crate) mod killed;
    pub(crate) mod server;
    pub(crate) mod suite;
}

/// Runs every test of the suite on one store.
macro_rules! suite_on {
    ($module:ident, $server:path) => {
        mod $module {
            suite_on!(@tests $server,
                what_is_put_comes_back_with_its_headers
                a_range_of_bytes_is_read
                keys_are_listed_in_the_order_of_their_bytes_page_by_page
                a_delimiter_folds_what_lies_below
                a_second_writer_loses_when_it_asks_for_an_absent_key
                bytes_that_differ_from_their_checksum_are_refused_and_not_stored
                an_upload_in_parts_resumes_from_what_the_store_lists
                an_aborted_upload_is_gone
                a_copied_object_outlives_its_source
                many_objects_are_deleted_at_once
                a_presigned_url_works_for_what_it_was_signed_only
                a_request_without_signature_is_refused
                keys_that_look_like_paths_are_just_keys
                an_empty_object_is_an_object
            );
        }
    };
    (@tests $server:path, $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::store::suite::$name(&$server().await).await;
            }
        )*
    };
}

suite_on!(embedded, crate::store::server::embedded);
suite_on!(versity, crate::store::server::versity);
