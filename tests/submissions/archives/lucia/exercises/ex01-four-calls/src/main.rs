use ex01::daytime;

// just to try daytime, I put the real main back later
fn main() {
    for t in [0, 951825600, 4107542400] {
        println!("{t} {}", daytime(t));
    }
}
