// The bounce scope: the reader draws the level of a button's pin; the table says which falling edges are presses.
"use strict";

Stepper.special.bounce = function (widget, control) {
    const { tick, train, presses } = widget.rules;
    const on = train.map(Boolean);

    /** The edges: time, level after it, time since the edge before (null: none), and what the table says. */
    function edges(window) {
        const found = [];
        let level = true;
        let last = null;
        on.forEach((high, at) => {
            if (high === level) { return; }
            const rest = last === null ? "first" : (at - last) * tick >= window ? "rested" : "soon";
            const press = presses[`${rest}/${high ? "high" : "low"}`];
            found.push({ at, high, rest: last === null ? null : (at - last) * tick, press });
            level = high;
            last = at;
        });
        return found;
    }

    function frame(found, count, window) {
        const edge = found[count];
        const end = edge ? edge.at : -1;
        const total = found.slice(0, count + 1).filter(({ press }) => press).length;
        const cells = on.map((high, at) => [String(at * tick), `${high ? "high" : "low"}${at === end ? " new" : ""}`]);
        const row = ({ at, high, rest, press }) =>
            [`${at * tick} ms`, high ? "up" : "down", rest === null ? "-" : `${rest} ms`, press ? "press" : "no"];
        const words = { true: "a press", false: "no press" };
        return {
            say: edge
                ? `The level goes ${edge.high ? "up" : "down"} at ${edge.at * tick} ms: ${words[edge.press]}. Presses so far: ${total}.`
                : "The level does not change: no press.",
            strips: [{ title: "The level of the pin; low is pressed", cells }],
            tables: [{
                title: `Edges, with a window of ${window} ms`,
                head: ["at", "edge", "rest before", "press?"],
                rows: edge ? found.slice(0, count + 1).map(row) : [["-", "-", "-", "-"]],
            }],
        };
    }

    function frames([window]) {
        const found = edges(Number(window));
        return found.length === 0 ? [frame(found, 0, window)] : found.map((_, count) => frame(found, count, window));
    }

    const names = train.map((_, at) => ({ text: String(at * tick), label: `high from ${at * tick} ms on, for ${tick} ms` }));
    const row = Stepper.switches("When the level is high", names, on, () => control.restart(0));
    return { parts: [row], frames, shown: () => {} };
};
