// The quizzes' questions answer at once. Without this script they are lists with the answer folded away.
"use strict";

(function () {
    /** White space at line ends and around the whole does not count. */
    function tidy(text) {
        return text.split("\n").map((line) => line.trimEnd()).join("\n").trim();
    }

    /** What the reader answered; an empty string when nothing was. */
    function answered(form) {
        const fails = form.querySelector("input[name=fails]");
        if (fails) {
            return fails.checked ? "does not compile" : tidy(form.querySelector("textarea").value);
        }
        const chosen = form.querySelector("input[type=radio]:checked");
        return chosen ? chosen.value : "";
    }

    function check(form) {
        const verdict = form.querySelector("output");
        const answer = answered(form);
        if (answer === "") {
            verdict.textContent = "Choose an answer first.";
            return;
        }
        const right = answer === tidy(form.dataset.right);
        form.classList.toggle("right", right);
        form.classList.toggle("wrong", !right);
        verdict.textContent = right ? "Right. Why, and why not the others:" : "No. Think again, or open the answer.";
        if (right) {
            form.querySelector("details").open = true;
        }
    }

    for (const form of document.querySelectorAll("form.question")) {
        form.querySelector("button[type=submit]").hidden = false;
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            check(form);
        });
        // mdBook turns pages with the arrow keys; inside a question they belong to the question.
        form.addEventListener("keydown", (event) => event.stopPropagation());
    }
})();
