//! Notes on a submission: each once, and no more of them than anybody reads.

use super::MAX_NOTES;
use crate::submission::Note;

#[derive(Default)]
pub(super) struct Notes {
    all: Vec<String>,
    more: usize,
}

impl Notes {
    pub(super) fn add(&mut self, note: String) {
        if self.all.contains(&note) {
            return;
        }
        if self.all.len() < MAX_NOTES {
            self.all.push(note);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn into_vec(mut self) -> Vec<Note> {
        if self.more > 0 {
            self.all.push(format!("… and {} more", self.more));
        }
        self.all.into_iter().map(Note).collect()
    }
}
