// The byte-stream cutter: the reader chooses where the stream is cut; the rows of the table say what the decoder has made of it.
"use strict";

Stepper.special.cuts = function (widget, control) {
    const { bytes, messages, cuts } = widget.rules;
    const on = bytes.map((_, at) => cuts.includes(at));
    const ends = () => [...on.keys()].filter((at) => on[at] && at > 0).concat(bytes.length);

    /** Whether the bytes from `begin` to `end` are one whole message. */
    function isMessage(begin, end) {
        const at = messages.indexOf(end);
        return at >= 0 && begin === (at === 0 ? 0 : messages[at - 1]);
    }

    function frame(reads, count) {
        const [begin, end] = reads[count];
        const row = widget.runs[String(end)][0];
        const length = end - begin === 1 ? "1 byte" : `${end - begin} bytes`;
        const kind = (at) => (at < begin ? "good" : at < end ? "new" : "plain");
        const read = reads.slice(0, count + 1);
        const naive = {
            title: "One read, one message?",
            head: ["read", "right?"],
            rows: read.map(([from, to]) => [bytes.slice(from, to).join(""), isMessage(from, to) ? "yes" : "no"]),
            bad: [...read.keys()].filter((at) => !isMessage(...read[at])),
        };
        return {
            say: `Read ${count + 1} brings ${length}. ${row.say}`,
            strips: [{ title: "Bytes that have come", cells: bytes.map((byte, at) => [byte, kind(at)]) }],
            tables: [...row.tables, naive],
        };
    }

    function frames() {
        let begin = 0;
        const reads = ends().map((end) => {
            const read = [begin, end];
            begin = end;
            return read;
        });
        return reads.map((_, count) => frame(reads, count));
    }

    const names = bytes.map((byte, at) => ({ text: byte, label: `cut before byte ${at + 1}, ${byte}` }));
    const row = Stepper.switches("Where the stream is cut", names, on, () => control.restart(0));
    const all = (words, isCut) =>
        Stepper.button(words, words, () => {
            [...row.children].forEach((button, at) => {
                on[at] = at > 0 && isCut(at);
                button.setAttribute("aria-pressed", String(on[at]));
            });
            control.restart(0);
        });
    row.firstChild.disabled = true;
    row.children[1].tabIndex = 0;
    const parts = [
        all("one piece", () => false),
        all("as the client wrote it", (at) => messages.includes(at)),
        all("byte by byte", () => true),
        row,
    ];
    return { parts, frames, shown: () => {} };
};
