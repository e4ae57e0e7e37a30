//! What stands in for rppal where there is no Linux: it has the shapes of rppal, and the reference solutions compile against it.

#[path = "../../../../exercises/rppal-standin/tests/api.rs"]
mod api;

use std::{fs, process::Command};
use workbook::repository;

/// On Linux a solution never meets the stand-in, so it is checked here in a workspace in which both are brought together.
#[test]
fn the_solutions_compile_against_it() {
    let root = repository();
    let room = tempfile::tempdir().unwrap();
    let member = |folder: &str, package: &str, features: &str| {
        let manifest = format!(
            "[package]\nname = \"{package}\"\nversion = \"0.1.0\"\nedition = \"2024\"\nautobins = false\n\
             [lib]\npath = \"{root}/solutions/{folder}/src/lib.rs\"\n\
             [[bin]]\nname = \"{package}\"\npath = \"{root}/exercises/{folder}/src/main.rs\"\n\
             [dependencies]\nnetlab = {{ path = \"{root}/exercises/netlab\" }}\n\
             nix = {{ version = \"*\", default-features = false, features = {features} }}\n\
             rppal-standin = {{ path = \"{root}/exercises/rppal-standin\" }}\n",
            root = root.display(),
        );
        let at = room.path().join(package);
        fs::create_dir(&at).unwrap();
        fs::write(at.join("Cargo.toml"), manifest).unwrap();
    };
    member("ex16-gpio", "ex16", r#"["time"]"#);
    member(
        "ex17-gpio-server",
        "ex17",
        r#"["fs", "net", "signal", "socket", "time"]"#,
    );
    fs::write(
        room.path().join("Cargo.toml"),
        "[workspace]\nresolver = \"3\"\nmembers = [\"ex*\"]\n",
    )
    .unwrap();
    fs::copy(root.join("solutions/Cargo.lock"), room.path().join("Cargo.lock")).unwrap();
    let checked = Command::new("cargo")
        .args(["check", "--quiet", "--offline", "--target-dir"])
        .arg(root.join("target/standin"))
        .current_dir(room.path())
        .output()
        .expect("cargo can be started");
    let complaints = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{complaints}");
}
