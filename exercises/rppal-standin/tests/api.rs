//! What the stand-in offers, type by type. This file is compiled twice, here with the stand-in and in `tests/workbook/tests/pi` with rppal
//! itself, and the two libraries have one name: where they disagree, one of the two does not compile.

use std::time::Duration;

use rppal::gpio::{Bias, Error, Event, Gpio, InputPin, IoPin, Level, Mode, OutputPin, Pin, Result, Trigger};

/// Takes a function as what it is said to be.
macro_rules! have {
    ($($function:expr => $shape:ty;)*) => { $( let _: $shape = $function; )* };
}

#[test]
#[expect(clippy::type_complexity, reason = "the types are what is compared")]
fn functions_have_rppals_shapes() {
    have! {
        Gpio::new => fn() -> Result<Gpio>;
        Gpio::get => fn(&Gpio, u8) -> Result<Pin>;
        Gpio::poll_interrupts => for<'a> fn(&Gpio, &[&'a InputPin], bool, Option<Duration>) -> Result<Option<(&'a InputPin, Event)>>;
        Pin::pin => fn(&Pin) -> u8;
        Pin::mode => fn(&Pin) -> Mode;
        Pin::read => fn(&Pin) -> Level;
        Pin::into_input => fn(Pin) -> InputPin;
        Pin::into_input_pulldown => fn(Pin) -> InputPin;
        Pin::into_input_pullup => fn(Pin) -> InputPin;
        Pin::into_output => fn(Pin) -> OutputPin;
        Pin::into_output_low => fn(Pin) -> OutputPin;
        Pin::into_output_high => fn(Pin) -> OutputPin;
        Pin::into_io => fn(Pin, Mode) -> IoPin;
    }
    have! {
        InputPin::pin => fn(&InputPin) -> u8;
        InputPin::read => fn(&InputPin) -> Level;
        InputPin::is_low => fn(&InputPin) -> bool;
        InputPin::is_high => fn(&InputPin) -> bool;
        InputPin::reset_on_drop => fn(&InputPin) -> bool;
        InputPin::set_reset_on_drop => fn(&mut InputPin, bool);
        InputPin::set_bias => fn(&mut InputPin, Bias);
        InputPin::set_interrupt => fn(&mut InputPin, Trigger, Option<Duration>) -> Result<()>;
        InputPin::clear_interrupt => fn(&mut InputPin) -> Result<()>;
        InputPin::poll_interrupt => fn(&mut InputPin, bool, Option<Duration>) -> Result<Option<Event>>;
        InputPin::set_async_interrupt::<fn(Event)> => fn(&mut InputPin, Trigger, Option<Duration>, fn(Event)) -> Result<()>;
        InputPin::clear_async_interrupt => fn(&mut InputPin) -> Result<()>;
    }
    have! {
        OutputPin::pin => fn(&OutputPin) -> u8;
        OutputPin::is_set_low => fn(&OutputPin) -> bool;
        OutputPin::is_set_high => fn(&OutputPin) -> bool;
        OutputPin::reset_on_drop => fn(&OutputPin) -> bool;
        OutputPin::set_reset_on_drop => fn(&mut OutputPin, bool);
        OutputPin::write => fn(&mut OutputPin, Level);
        OutputPin::set_low => fn(&mut OutputPin);
        OutputPin::set_high => fn(&mut OutputPin);
        OutputPin::toggle => fn(&mut OutputPin);
    }
    have! {
        IoPin::pin => fn(&IoPin) -> u8;
        IoPin::mode => fn(&IoPin) -> Mode;
        IoPin::read => fn(&IoPin) -> Level;
        IoPin::is_low => fn(&IoPin) -> bool;
        IoPin::is_high => fn(&IoPin) -> bool;
        IoPin::set_mode => fn(&mut IoPin, Mode);
        IoPin::set_bias => fn(&mut IoPin, Bias);
        IoPin::write => fn(&mut IoPin, Level);
        IoPin::set_low => fn(&mut IoPin);
        IoPin::set_high => fn(&mut IoPin);
        IoPin::toggle => fn(&mut IoPin);
    }
}

/// Without a wildcard: a variant that only one of the two has is an error in the other.
#[test]
fn types_have_rppals_parts() {
    fn error(error: &Error) -> Option<u8> {
        match error {
            Error::PinUsed(pin) | Error::PinNotAvailable(pin) => Some(*pin),
            Error::PermissionDenied(path) => path.bytes().next(),
            Error::Io(error) => error.raw_os_error().map(|_| 0),
            Error::UnknownModel | Error::ThreadPanic => None,
        }
    }
    fn trigger(event: Event) -> u128 {
        let Event {
            timestamp,
            seqno,
            trigger,
        } = event;
        match trigger {
            Trigger::Disabled | Trigger::RisingEdge | Trigger::FallingEdge | Trigger::Both => {
                timestamp.as_nanos() + u128::from(seqno)
            }
        }
    }
    fn mode(mode: Mode) -> bool {
        match mode {
            Mode::Input | Mode::Output => true,
            Mode::Alt0 | Mode::Alt1 | Mode::Alt2 | Mode::Alt3 | Mode::Alt4 | Mode::Alt5 => false,
            Mode::Alt6 | Mode::Alt7 | Mode::Alt8 | Mode::Null => false,
        }
    }
    fn bias(bias: Bias) -> bool {
        match bias {
            Bias::Off => false,
            Bias::PullDown | Bias::PullUp => true,
        }
    }
    let event = Event {
        timestamp: Duration::ZERO,
        seqno: 1,
        trigger: Trigger::Both,
    };
    assert_eq!((error(&Error::PinUsed(17)), trigger(event)), (Some(17), 1));
    assert!(mode(Mode::Output) && !bias(Bias::Off));
}

#[test]
fn values_and_words_are_rppals() {
    assert_eq!(
        (Level::from(true), Level::from(0u8), !Level::High),
        (Level::High, Level::Low, Level::Low)
    );
    assert_eq!((Level::Low as u8, Level::High as u8), (0, 1));
    let io = std::io::Error::from_raw_os_error(5);
    assert!(matches!(Error::from(io), Error::Io(error) if error.raw_os_error() == Some(5)));
    for (error, words) in [
        (Error::UnknownModel, "Unknown Raspberry Pi model"),
        (Error::PinUsed(17), "Pin 17 is already in use"),
        (Error::PinNotAvailable(99), "Pin 99 is not available"),
        (
            Error::PermissionDenied("/dev/gpiomem".into()),
            "Permission denied: /dev/gpiomem",
        ),
        (Error::ThreadPanic, "Thread panicked"),
    ] {
        assert_eq!(error.to_string(), words);
    }
    assert_eq!(Level::High.to_string(), "High");
}

#[test]
fn pins_can_be_sent_to_the_thread_that_owns_them() {
    fn sent<T: Send>() {}
    sent::<Gpio>();
    sent::<InputPin>();
    sent::<OutputPin>();
    sent::<IoPin>();
    sent::<Event>();
    sent::<Error>();
}
