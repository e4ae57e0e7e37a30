//! Stands in for the crate [rppal](https://docs.rs/rppal) on systems that are not Linux, so that the GPIO exercises compile there.
//!
//! You do not have to change anything here, and on Linux it is not used at all. There is no board: [`gpio::Gpio::new`] is the same error
//! as rppal's on a computer that is no Raspberry Pi. Types and methods have rppal's names and shapes; what the exercises do not need is
//! not here (PWM, I2C, SPI, the traits of embedded-hal).

pub mod gpio;
