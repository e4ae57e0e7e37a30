//! The book of this repository is right. `cargo book test` says the same with the same code.

use std::path::Path;

#[test]
fn the_book_has_no_defect() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let defects = bookkit::check::everything(&book.canonicalize().unwrap()).unwrap();
    assert!(defects.is_empty(), "{defects:#?}");
}
