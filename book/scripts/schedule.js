// The interleaving explorer: the reader says which thread runs next. The table has a frame for every order there is.
"use strict";

Stepper.special.schedule = function (widget, control) {
    const { schedules, threads } = widget.rules;
    let program = "";
    let moves = "";
    const there = (order) => widget.runs[`${program}:${order}`];

    const buttons = threads.map((thread) =>
        Stepper.button(`${thread} next`, `Thread ${thread} runs next`, () => {
            moves = moves.slice(0, control.at()) + thread;
            control.restart(moves.length);
        }));

    function frames([chosen]) {
        if (chosen !== program) {
            program = chosen;
            moves = schedules[widget.settings[0].options.findIndex(([value]) => value === chosen)];
        }
        return [...Array(moves.length + 1).keys()].map((length) => there(moves.slice(0, length))[0]);
    }

    /** A thread that has to wait, or is done, cannot be the next. */
    function shown() {
        buttons.forEach((button, at) => {
            button.disabled = !there(moves.slice(0, control.at()) + threads[at]);
        });
    }

    return { parts: buttons, frames, shown };
};
