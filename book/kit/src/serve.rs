//! `cargo book serve`: the pages on 127.0.0.1, built again before a page is sent if a source has changed.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Result, anyhow};
use tiny_http::{Header, Response, Server};

/// Serves until interrupted.
///
/// # Errors
/// The port is taken, or the book does not build at first.
pub fn serve(folder: &Path, port: u16) -> Result<()> {
    let room = tempfile::tempdir()?;
    let mut built = SystemTime::now();
    crate::build(folder, room.path())?;
    let server = Server::http(("127.0.0.1", port)).map_err(|error| anyhow!("cannot listen on port {port}: {error}"))?;
    println!("the book is at http://{} (Ctrl-C ends it)", server.server_addr());
    for request in server.incoming_requests() {
        let page = page(room.path(), request.url());
        let is_page = page.extension() == Some(OsStr::new("html"));
        if is_page && changed_since(folder, built) {
            built = SystemTime::now();
            match crate::build(folder, room.path()) {
                Ok(()) => println!("built again"),
                Err(error) => eprintln!("error: {error:#}"),
            }
        }
        let sent = match File::open(&page) {
            Ok(file) => request.respond(Response::from_file(file).with_header(content_type(&page))),
            Err(_) => request.respond(Response::from_string("no such page").with_status_code(404)),
        };
        if let Err(error) = sent {
            eprintln!("error: send: {error}");
        }
    }
    Ok(())
}

/// The file below `root` that an address means. What leads out of `root` means nothing.
fn page(root: &Path, url: &str) -> PathBuf {
    let path = url.split(['?', '#']).next().unwrap_or("");
    let below = Path::new(path.trim_start_matches('/'));
    if !below.components().all(|part| matches!(part, Component::Normal(_))) {
        return root.join("404.html");
    }
    let found = root.join(below);
    if found.is_dir() {
        found.join("index.html")
    } else {
        found
    }
}

fn content_type(page: &Path) -> Header {
    let kind = match page.extension().and_then(OsStr::to_str) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("woff2") => "font/woff2",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    };
    Header::from_bytes("Content-Type", kind).unwrap_or_else(|()| unreachable!("a constant header"))
}

/// Whether a source of the book is newer than `built`.
fn changed_since(folder: &Path, built: SystemTime) -> bool {
    let sources = ["src", "book.toml", "book.css", "scripts", "../exercises"];
    sources
        .iter()
        .flat_map(|source| walkdir::WalkDir::new(folder.join(source)))
        .filter_map(|entry| entry.ok()?.metadata().ok()?.modified().ok())
        .any(|modified| modified > built)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_never_leads_out_of_the_pages() {
        let root = Path::new("/pages");
        assert_eq!(page(root, "/a.html?q=1"), Path::new("/pages/a.html"));
        for outside in ["/../secret", "/a/../../secret", "/./../x"] {
            assert!(page(root, outside).starts_with("/pages"), "{outside}");
            assert!(!page(root, outside).to_string_lossy().contains(".."), "{outside}");
        }
    }
}
