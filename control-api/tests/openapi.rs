//! The committed OpenAPI document is the one that the service serves.

#[test]
fn the_committed_document_is_fresh() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let fresh = control_api::openapi_json();
    if std::env::var_os("DAIS_BLESS").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "control-api/openapi.json is stale: run `DAIS_BLESS=1 cargo test -p control-api --test openapi` and commit it"
    );
}
