// Steps through the widgets' tables: settings, keys, buttons, and the drawing of a frame.
// Without this script a widget shows its first frame. The drawing is the same as in book/kit/src/widget.rs, which draws that one.
"use strict";

const Stepper = (function () {
    /**
     * Widgets that put their frames together themselves. Name → function(widget, control) → { parts: elements beside the settings,
     * frames: function(chosen values) → frames, shown: function(), called after each drawing }.
     * control: { restart: function(step), at: function() → step }.
     */
    const special = {};

    const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");

    function chart(ends, arrows, newest) {
        const line = (arrow, at) => {
            const fresh = at + newest >= arrows.length ? " new" : "";
            const lost = arrow.fate === "lost" ? " <em>(lost)</em>" : "";
            return `<li class="to-${arrow.way} ${arrow.fate}${fresh}"><span>${escaped(arrow.text)}${lost}</span></li>`;
        };
        const [left, right] = ends.map(escaped);
        return `<div class="chart"><p class="ends"><span>${left}</span><span>${right}</span></p><ol>${arrows.map(line).join("")}</ol></div>`;
    }

    function strip(strip) {
        const cell = ([text, kind]) => `<li class="${kind}">${escaped(text)}</li>`;
        return `<div class="strip"><p>${escaped(strip.title)}</p><ol>${strip.cells.map(cell).join("")}</ol></div>`;
    }

    function tabular(table) {
        const names = table.head.map((name) => `<th scope="col">${escaped(name)}</th>`).join("");
        const head = table.head.some((name) => name !== "") ? `<thead><tr>${names}</tr></thead>` : "";
        const row = (cells, at) => {
            const bad = (table.bad || []).includes(at) ? ' class="bad"' : "";
            return `<tr${bad}>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`;
        };
        return `<table><caption>${escaped(table.title)}</caption>${head}<tbody>${table.rows.map(row).join("")}</tbody></table>`;
    }

    /** The frame `at` of `frames` as HTML. Messages of the frames before it stay. */
    function drawn(ends, frames, at) {
        const frame = frames[at];
        const arrows = frames.slice(0, at + 1).flatMap((earlier) => earlier.arrows || []);
        let html = ends.length === 2 ? chart(ends, arrows, (frame.arrows || []).length) : "";
        html += (frame.strips || []).map(strip).join("");
        if (frame.tables) {
            html += `<div class="tables">${frame.tables.map(tabular).join("")}</div>`;
        }
        return html;
    }

    function button(words, label, act) {
        const made = document.createElement("button");
        made.type = "button";
        made.textContent = words;
        made.setAttribute("aria-label", label);
        made.addEventListener("click", act);
        return made;
    }

    /** A labelled choice. */
    function choice(setting, chosen, changed) {
        const label = document.createElement("label");
        const select = document.createElement("select");
        for (const [value, words] of setting.options) {
            select.append(new Option(words, value, false, value === chosen));
        }
        select.addEventListener("change", changed);
        label.append(setting.label + " ", select);
        return { label, select };
    }

    /** A row of buttons that are on or off. Tab enters it, the arrow keys move in it, Space switches. */
    function switches(title, names, on, changed) {
        const row = document.createElement("div");
        row.className = "switches";
        row.setAttribute("role", "group");
        row.setAttribute("aria-label", title);
        const buttons = names.map((name, at) => {
            const made = button(name.text, name.label, () => {
                on[at] = !on[at];
                made.setAttribute("aria-pressed", String(on[at]));
                changed();
            });
            made.setAttribute("aria-pressed", String(on[at]));
            made.tabIndex = at === 0 ? 0 : -1;
            return made;
        });
        row.append(...buttons);
        row.addEventListener("keydown", (event) => {
            const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
            const next = buttons[buttons.indexOf(document.activeElement) + (step || 0)];
            if (step && next) {
                buttons.forEach((other) => { other.tabIndex = -1; });
                next.tabIndex = 0;
                next.focus();
            }
            if (step) {
                event.preventDefault();
                event.stopPropagation();
            }
        });
        return row;
    }

    function start(section) {
        const widget = JSON.parse(section.querySelector("script").textContent);
        const stage = section.querySelector(".stage");
        const frame = section.querySelector(".frame");
        const say = section.querySelector(".say");
        let frames = [];
        let at = 0;

        function show(step) {
            const focused = document.activeElement;
            at = Math.max(0, Math.min(step, frames.length - 1));
            frame.innerHTML = drawn(widget.ends, frames, at);
            say.textContent = `Step ${at + 1} of ${frames.length}: ${frames[at].say}`;
            first.disabled = back.disabled = at === 0;
            next.disabled = last.disabled = at === frames.length - 1;
            own.shown();
            // A button that becomes useless loses the focus; the stage takes it, so that the keys go on working.
            if (focused && focused.disabled) {
                stage.focus();
            }
        }

        function restart(step) {
            frames = own.frames(choices.map(({ select }) => select.value));
            show(step);
        }

        const first = button("First", "First step", () => show(0));
        const back = button("Back", "Step back", () => show(at - 1));
        const next = button("Next", "Next step", () => show(at + 1));
        const last = button("Last", "Last step", () => show(frames.length - 1));
        const values = widget.first.split("/");
        const choices = widget.settings.map((setting, place) => choice(setting, values[place], () => restart(0)));
        const plain = () => ({ parts: [], frames: (chosen) => widget.runs[chosen.join("/")], shown: () => {} });
        const own = (special[section.dataset.widget] || plain)(widget, { restart, at: () => at });

        const settings = document.createElement("div");
        settings.className = "settings";
        settings.append(...choices.map(({ label }) => label), ...own.parts);
        const steps = document.createElement("p");
        steps.className = "steps";
        steps.append(first, back, next, last);
        stage.before(settings);
        say.before(steps);
        stage.tabIndex = 0;
        stage.setAttribute("role", "group");
        stage.setAttribute("aria-label", "Steps; use the arrow keys, Home and End");
        stage.addEventListener("keydown", (event) => {
            const step = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: frames.length - 1 }[event.key];
            if (step !== undefined && !event.ctrlKey && !event.altKey && !event.metaKey) {
                event.preventDefault();
                show(step);
            }
        });
        // mdBook turns pages with the arrow keys; inside a widget they belong to the widget.
        section.addEventListener("keydown", (event) => event.stopPropagation());
        restart(0);
    }

    document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("section.widget").forEach(start));
    return { special, switches, button };
})();
