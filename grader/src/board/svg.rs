//! A recording of the pins as an SVG: a wave for each pin, what the program printed, and a line of time.

use std::time::Duration;

use harness::pi::{Kind, Level};

use super::page::said;
use super::pins::{Pins, Role, Watched};
use crate::trace::svg::page::Page;

const WIDTH: f64 = 760.0;
/// Where the waves begin and end.
const LEFT: f64 = 130.0;
const RIGHT: f64 = 740.0;
/// Between two waves, and the height of one.
const APART: f64 = 52.0;
const HIGH: f64 = 24.0;
/// Lines of what was printed, at most.
const PRINTED: usize = 16;

/// The figure.
pub fn draw(pins: &Pins, until: Duration, title: &str) -> String {
    let time = Time { until };
    let mut page = Page::new(WIDTH);
    page.text("ink title", 20.0, 30.0, title);
    let mut y = 58.0;
    for (bcm, pin) in &pins.pins {
        let name = match pin.role() {
            Role::Led => "LED",
            Role::Button => "button",
            Role::Other => "",
        };
        page.text("ink head", 20.0, y + 12.0, &format!("BCM {bcm}"));
        page.text("soft small", 20.0, y + 27.0, name);
        page.path(
            if pin.role() == Role::Led { "arrow line" } else { "line" },
            &wave(pin, time, y),
        );
        y += APART;
    }
    y = axis(&mut page, time, y);
    y = printed(&mut page, pins, y);
    page.finish(
        y + 12.0,
        title,
        "The levels of the pins over time, and what the program printed.",
    )
}

/// Where a moment is.
#[derive(Clone, Copy)]
struct Time {
    until: Duration,
}

impl Time {
    fn x(self, at: Duration) -> f64 {
        LEFT + (RIGHT - LEFT) * at.as_secs_f64() / self.until.as_secs_f64().max(1e-9)
    }

    /// A round step with at most eight of them on the page.
    fn step(self) -> Duration {
        let steps = [
            1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 600_000,
        ];
        let fits = |ms: &&u64| self.until.as_millis() <= 8 * u128::from(**ms);
        Duration::from_millis(*steps.iter().find(fits).unwrap_or(&3_600_000))
    }
}

/// High at the top, low at the bottom, floating in the middle.
fn wave(pin: &Watched, time: Time, top: f64) -> String {
    let y = |level: Option<Level>| match level {
        Some(Level::High) => top + 4.0,
        Some(Level::Low) => top + 4.0 + HIGH,
        None => top + 4.0 + HIGH / 2.0,
    };
    let mut path = String::new();
    for (at, level) in &pin.wave {
        match path.is_empty() {
            true => path = format!("M{:.1} {:.1}", time.x(*at), y(*level)),
            false => path += &format!(" H{:.1} V{:.1}", time.x(*at), y(*level)),
        }
    }
    path + &format!(" H{RIGHT:.1}")
}

fn axis(page: &mut Page, time: Time, y: f64) -> f64 {
    let mut at = Duration::ZERO;
    while at <= time.until {
        let x = time.x(at);
        page.behind(&format!("<path class=\"life\" d=\"M{x:.1} 50 V{y:.1}\"/>"));
        page.text("soft small middle", x, y + 16.0, &at.as_millis().to_string());
        at += time.step();
    }
    page.text("soft small", 20.0, y + 16.0, "milliseconds");
    y + 26.0
}

fn printed(page: &mut Page, pins: &Pins, mut y: f64) -> f64 {
    let lines = pins.told.iter().filter_map(|event| match &event.kind {
        Kind::Printed(text) => Some((event.at, said(text).to_owned())),
        Kind::Signal(_) | Kind::Ended(_) => Some((event.at, event.kind.to_string())),
        _ => None,
    });
    for (at, text) in lines.take(PRINTED) {
        y += 17.0;
        page.text("soft small end", LEFT - 14.0, y, &format!("{} ms", at.as_millis()));
        page.text("ink mono", LEFT, y, &text);
    }
    y
}

#[cfg(test)]
mod tests {
    use super::super::pins::tests::a_lamp;
    use super::*;

    #[test]
    fn a_figure_has_a_wave_for_each_pin_and_the_words_between() {
        let mut pins = Pins::default();
        pins.feed(&a_lamp());
        let figure = draw(&pins, Duration::from_millis(600), "a <lamp>");
        for part in [
            "BCM 17",
            "BCM 27",
            "press 1 at 300 ms: led on",
            "a &lt;lamp&gt;",
            ">500<",
        ] {
            assert!(figure.contains(part), "{part} in {figure}");
        }
        // From low at 0 to high at 300 of 600 ms: the middle of the page.
        assert!(figure.contains("H435.0 V62.0"), "{figure}");
    }
}
