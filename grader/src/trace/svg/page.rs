//! The SVG itself: elements, style, escaping.

use std::fmt::Write;

use super::words::Span;
use crate::report::sanitize;

/// The book's figures have the same colours and fonts.
const STYLE: &str = r##"
    .paper { fill: #ffffff; } .ink { fill: #1f2328; } .soft { fill: #59636e; } .redink { fill: #b3362b; } .blueink { fill: #3566a8; }
    .box { fill: #f3f6f9; stroke: #59636e; } .program { fill: #e9f0fa; stroke: #3566a8; }
    .life { stroke: #c4ccd5; } .line { stroke: #59636e; } .arrow { stroke: #3566a8; } .arrow.wronged { stroke: #b3362b; } .tip { fill: #3566a8; } .wrongtip { fill: #b3362b; }
    .mark.call { fill: #3566a8; } .mark.note { fill: #ffffff; stroke: #59636e; } .mark.fault, .mark.wrong { fill: #b3362b; }
    .halo { stroke: #ffffff; }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #161b22; } .ink { fill: #e6edf3; } .soft { fill: #9da7b3; } .redink { fill: #ff8f85; } .blueink { fill: #79b0ff; }
      .box { fill: #21262d; stroke: #9da7b3; } .program { fill: #17263c; stroke: #79b0ff; }
      .life { stroke: #3d4651; } .line { stroke: #9da7b3; } .arrow { stroke: #79b0ff; } .arrow.wronged { stroke: #ff8f85; } .tip { fill: #79b0ff; } .wrongtip { fill: #ff8f85; }
      .mark.call { fill: #79b0ff; } .mark.note { fill: #161b22; stroke: #9da7b3; } .mark.fault, .mark.wrong { fill: #ff8f85; }
      .halo { stroke: #161b22; }
    }
    text { font-family: system-ui, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; font-size: 13px; white-space: pre; }
    .mono { font-family: ui-monospace, "SF Mono", Consolas, "DejaVu Sans Mono", monospace; font-size: 12px; }
    .title { font-size: 16px; font-weight: 600; } .head { font-size: 13.5px; font-weight: 600; } .small { font-size: 12.5px; } .tiny { font-size: 11px; }
    .bold { font-weight: 600; } .middle { text-anchor: middle; } .end { text-anchor: end; }
    .halo { stroke-width: 4; stroke-linejoin: round; paint-order: stroke; }
    .box, .program { stroke-width: 1.3; } .life { stroke-width: 1.5; } .line { fill: none; stroke-width: 1.3; } .arrow { stroke-width: 1.6; } .mark { stroke-width: 1.5; }
  "##;

/// A figure in the making.
pub struct Page {
    width: f64,
    behind: String,
    front: String,
}

impl Page {
    pub fn new(width: f64) -> Page {
        Page {
            width,
            behind: String::new(),
            front: String::new(),
        }
    }

    /// An element under all others.
    pub fn behind(&mut self, element: &str) {
        let _ = writeln!(self.behind, "  {element}");
    }

    pub fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let text = escaped(text);
        let _ = writeln!(
            self.front,
            "  <text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        );
    }

    /// One line of text in several styles.
    pub fn spans(&mut self, class: &str, x: f64, y: f64, spans: &[Span]) {
        let pieces = spans
            .iter()
            .map(|span| format!("<tspan class=\"{}\">{}</tspan>", span.class, escaped(&span.text)));
        let pieces: String = pieces.collect();
        let _ = writeln!(
            self.front,
            "  <text class=\"halo {class}\" x=\"{x:.1}\" y=\"{y:.1}\">{pieces}</text>"
        );
    }

    pub fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        let _ = writeln!(
            self.front,
            "  <rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"5\"/>"
        );
    }

    pub fn path(&mut self, class: &str, path: &str) {
        let _ = writeln!(self.front, "  <path class=\"{class}\" d=\"{path}\"/>");
    }

    pub fn arrow(&mut self, wronged: bool, from: f64, to: f64, y: f64) {
        let (class, tip) = if wronged {
            ("arrow wronged", "wrongtip")
        } else {
            ("arrow", "tip")
        };
        let _ = writeln!(
            self.front,
            "  <path class=\"{class}\" d=\"M{from:.1} {y:.1} H{to:.1}\" marker-end=\"url(#{tip})\"/>"
        );
    }

    /// On a lane's line: a dot, a ring, or for a fault a diamond.
    pub fn mark(&mut self, class: &str, x: f64, y: f64) {
        let _ = match class {
            "fault" => writeln!(
                self.front,
                "  <path class=\"mark fault\" d=\"M{x:.1} {:.1} l5.5 5.5 l-5.5 5.5 l-5.5 -5.5 z\"/>",
                y - 5.5
            ),
            "note" => writeln!(
                self.front,
                "  <circle class=\"mark note\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>"
            ),
            class => writeln!(
                self.front,
                "  <circle class=\"mark {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"
            ),
        };
    }

    /// The file's text.
    pub fn finish(self, height: f64, title: &str, description: &str) -> String {
        let (width, behind, front) = (self.width, self.behind, self.front);
        let (title, description) = (escaped(title), escaped(description));
        let tips: String = ["tip", "wrongtip"].map(tip).concat();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
             role=\"img\" aria-labelledby=\"title desc\">\n  <title id=\"title\">{title}</title>\n  <desc id=\"desc\">{description}</desc>\n  \
             <style>{STYLE}</style>\n  <defs>{tips}</defs>\n  \
             <rect class=\"paper\" width=\"{width:.0}\" height=\"{height:.0}\" rx=\"8\"/>\n{behind}{front}</svg>\n"
        )
    }
}

/// The head of an arrow.
fn tip(class: &str) -> String {
    format!(
        "<marker id=\"{class}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto-start-reverse\"><path class=\"{class}\" d=\"M0 1 L10 5 L0 9 z\"/></marker>"
    )
}

/// Text from programs, fit for an XML file.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in sanitize::text(text).chars() {
        match c {
            '\n' | '\t' | '\u{a0}' => escaped.push(' '),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c => escaped.push(c),
        }
    }
    escaped
}
