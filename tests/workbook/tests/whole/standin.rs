//! The GPIO exercises compile where there is no `rppal`: a reference solution, against the stand-in.

#[allow(dead_code)]
#[path = "../../../../solutions/ex16-gpio/src/lib.rs"]
mod ex16;

#[test]
fn without_gpio_a_program_compiles_and_finds_no_board() {
    let failure = ex16::open_board().map(drop).expect_err("the stand-in has no board");
    assert_eq!(failure.to_string(), "gpio: unknown Raspberry Pi model");
    assert_eq!(failure.exit_code(), 1);
}
