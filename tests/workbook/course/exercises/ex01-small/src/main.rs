//! Given: `ex01 probe` answers one line for each line on its standard input.

use std::io::{BufRead, Write};

fn main() {
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (verb, number) = line.split_once(' ').unwrap();
        let number: u64 = number.parse().unwrap();
        let answer = if verb == "double" { ex01::double(number) } else { ex01::halve(number) };
        println!("{answer}");
        std::io::stdout().flush().unwrap();
    }
}
