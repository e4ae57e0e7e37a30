//! A browser without a window, moved through chromedriver: as much of the W3C WebDriver protocol as these tests need.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// Keys as WebDriver writes them.
pub const TAB: &str = "\u{e004}";
pub const END: &str = "\u{e010}";
pub const HOME: &str = "\u{e011}";
pub const LEFT: &str = "\u{e012}";
pub const RIGHT: &str = "\u{e014}";

/// One browser; it ends with this value.
pub struct Browser {
    driver: Child,
    session: String,
    agent: ureq::Agent,
    /// What the browser keeps on disk.
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one, or says what this machine lacks.
    pub fn start() -> Result<Browser, String> {
        let driver = ["chromedriver"]
            .into_iter()
            .find_map(found)
            .ok_or("there is no chromedriver")?;
        let browsers = ["chromium", "chromium-browser", "google-chrome", "chrome"];
        let binary = browsers.into_iter().find_map(found).ok_or("there is no chromium")?;
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new(driver)
            .args(["--port=0", "--log-level=SEVERE"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("chromedriver does not start: {error}"))?;
        let port = port(&mut driver);
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(std::time::Duration::from_secs(120)))
            .http_status_as_error(false)
            .build()
            .into();
        let mut browser = Browser {
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            agent,
            _profile: profile,
        };
        browser.open_session(&binary);
        Ok(browser)
    }

    fn open_session(&mut self, binary: &Path) {
        let profile = format!("--user-data-dir={}", self._profile.path().display());
        let mut arguments = vec![
            "--headless",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            &profile,
        ];
        // Chromium's own sandbox does not run as root.
        if nix::unistd::geteuid().is_root() {
            arguments.push("--no-sandbox");
        }
        let options = json!({ "binary": binary, "args": arguments });
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let opened = self.post("", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        let id = opened["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("no session: {opened}"));
        self.session = format!("{}/{id}", self.session);
    }

    /// Sends a command and gives its value.
    fn post(&self, command: &str, body: &Value) -> Value {
        let address = format!("{}{command}", self.session);
        let answer = self.agent.post(&address).send_json(body);
        let answer: Value = answer
            .and_then(|mut answer| answer.body_mut().read_json())
            .unwrap_or_else(|error| panic!("{command}: {error}"));
        let value = answer["value"].clone();
        assert!(value.get("error").is_none(), "{command}: {value}");
        value
    }

    /// Loads a page and waits for it.
    pub fn open(&self, page: &Path) {
        self.post("/url", &json!({ "url": format!("file://{}", page.display()) }));
    }

    /// Runs JavaScript in the page; `arguments[0]` is `argument`.
    pub fn run(&self, script: &str, argument: &Value) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [argument] }))
    }

    /// Presses a key and lets it go.
    pub fn press(&self, key: &str) {
        let strokes = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] }),
        );
    }

    /// How wide the page is, and whether its reader prefers dark colours.
    pub fn look(&self, width: u32, dark: bool) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.protocol("Emulation.setDeviceMetricsOverride", &size);
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        self.protocol("Emulation.setEmulatedMedia", &json!({ "features": [scheme] }));
    }

    fn protocol(&self, command: &str, parameters: &Value) {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
    }

    /// Errors that pages have reported since the last call.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        let severe = log
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].to_string()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its session; the group is for what remains if that fails.
        let _ = self.agent.delete(&self.session).call();
        if let Ok(group) = i32::try_from(self.driver.id()) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.driver.wait();
    }
}

/// A program of the system.
fn found(name: &str) -> Option<PathBuf> {
    harness::find_tool(name)
}

/// The port that chromedriver has chosen: it says so when it is ready.
fn port(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let said = lines.find_map(|line| {
        let line = line.ok()?;
        let port = line.split("on port ").nth(1)?.trim_end_matches('.').parse().ok()?;
        // Its first line only repeats what it was asked for.
        (port != 0).then_some(port)
    });
    // It writes no more; but a pipe without a reader would end it if it did.
    std::thread::spawn(move || lines.for_each(drop));
    said.expect("chromedriver says its port")
}
