//! Rebuilds the binary when the web apps were built again: they are embedded.

fn main() {
    println!("cargo::rerun-if-changed=../web/dist");
}
