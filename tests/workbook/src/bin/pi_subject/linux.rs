//! What the program does, by its first argument.
#![allow(clippy::disallowed_methods)] // sleeping and leaving without destructors are what is tried here

use rppal::gpio::{Gpio, Level, OutputPin, Trigger};
use std::{
    error::Error,
    io::{BufRead, Read, Write},
    net::{TcpListener, TcpStream},
    process::ExitCode,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

type Done = Result<(), Box<dyn Error>>;

const LED: u8 = 17;
const BUTTON: u8 = 27;

pub fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["blink", pin, count, millis] => blink(number(pin) as u8, number(count), ms(number(millis))),
        ["burst", threads, writes] => burst(number(threads), number(writes)),
        ["polled-button"] => polled_button(ms(10)),
        ["busy-button"] => polled_button(Duration::ZERO),
        ["busy-clock"] => busy_clock(),
        ["interrupts", debounce, patience] => interrupts(number(debounce), ms(number(patience))),
        ["callbacks", debounce, total] => callbacks(number(debounce), ms(number(total))),
        ["waits-for-press"] => waits_for_press(),
        ["threads"] => threads(),
        ["spins-on-memory"] => spins_on_memory(),
        ["deadlock"] => deadlock(),
        ["server"] => server(),
        ["lines"] => lines(),
        ["no-pull"] => no_pull(),
        ["high-from-the-start"] => high_from_the_start(),
        ["left", how] => left(how),
        ["toggles"] => toggles(),
        ["timer"] => timer(),
        ["timer-descriptor"] => timer_descriptor(),
        ["vectored"] => vectored(),
        ["suspended"] => suspended(),
        ["floods"] => floods(),
        ["liar"] => liar(),
        ["model"] => model(),
        ["folded"] => folded(),
        _ => Err(format!("what is {args:?}?").into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// In whole milliseconds, to the nearest one: what the program itself costs is less.
fn since(begun: Instant) -> u128 {
    (begun.elapsed() + Duration::from_micros(500)).as_millis()
}

fn led() -> Result<OutputPin, rppal::gpio::Error> {
    Ok(Gpio::new()?.get(LED)?.into_output_low())
}

fn blink(pin: u8, count: u64, period: Duration) -> Done {
    let mut led = Gpio::new()?.get(pin)?.into_output_low();
    for _ in 0..count {
        led.set_high();
        thread::sleep(period / 2);
        led.set_low();
        thread::sleep(period / 2);
    }
    Ok(())
}

/// Each thread has a pin of its own, and alternates.
fn burst(threads: u64, writes: u64) -> Done {
    let gpio = Gpio::new()?;
    let pins: Vec<OutputPin> = (0..threads)
        .map(|n| Ok(gpio.get(4 + n as u8)?.into_output_low()))
        .collect::<Result<_, rppal::gpio::Error>>()?;
    thread::scope(|scope| {
        for mut pin in pins {
            scope.spawn(move || {
                for n in 0..writes {
                    pin.write(Level::from(n % 2 == 0));
                }
            });
        }
    });
    Ok(())
}

fn polled_button(pause: Duration) -> Done {
    let button = Gpio::new()?.get(BUTTON)?.into_input_pullup();
    let begun = Instant::now();
    while button.is_high() {
        if !pause.is_zero() {
            thread::sleep(pause);
        }
    }
    println!("pressed after {} ms", since(begun));
    Ok(())
}

fn busy_clock() -> Done {
    let mut led = led()?;
    led.set_high();
    let begun = Instant::now();
    while begun.elapsed() < ms(2000) {}
    Ok(())
}

fn interrupts(debounce: u64, patience: Duration) -> Done {
    let mut button = Gpio::new()?.get(BUTTON)?.into_input_pullup();
    button.set_interrupt(Trigger::FallingEdge, (debounce > 0).then(|| ms(debounce)))?;
    let begun = Instant::now();
    while let Some(event) = button.poll_interrupt(false, Some(patience))? {
        println!("{:?} {} at {} ms", event.trigger, event.seqno, since(begun));
    }
    println!("nothing more at {} ms", since(begun));
    Ok(())
}

fn callbacks(debounce: u64, total: Duration) -> Done {
    let mut button = Gpio::new()?.get(BUTTON)?.into_input_pullup();
    let begun = Instant::now();
    button.set_async_interrupt(Trigger::Both, (debounce > 0).then(|| ms(debounce)), move |event| {
        println!("{:?} at {} ms", event.trigger, since(begun));
    })?;
    thread::sleep(total);
    Ok(())
}

fn waits_for_press() -> Done {
    let mut button = Gpio::new()?.get(BUTTON)?.into_input_pullup();
    let mut led = led()?;
    button.set_interrupt(Trigger::FallingEdge, None)?;
    button.poll_interrupt(false, None)?;
    led.set_high();
    println!("pressed");
    Ok(())
}

/// Time-outs of a channel, a condition variable and a parked thread; a mutex that four threads want.
fn threads() -> Done {
    let begun = Instant::now();
    let say = |what: &str| println!("{what} at {} ms", since(begun));
    let (send, receive) = mpsc::channel();
    let sender = thread::spawn(move || {
        thread::sleep(ms(300));
        send.send(1)
    });
    say(&format!("{:?}", receive.recv_timeout(ms(200))));
    say(&format!("{:?}", receive.recv_timeout(ms(200))));
    sender.join().map_err(|_| "the sender")??;
    let (lock, condition) = (Mutex::new(false), Condvar::new());
    let guard = lock.lock().map_err(|_| "lock")?;
    let (guard, late) = condition.wait_timeout(guard, ms(50)).map_err(|_| "lock")?;
    drop(guard);
    say(&format!("timed out {}", late.timed_out()));
    thread::park_timeout(ms(25));
    say("parked");
    let sum = Mutex::new(0u32);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    *sum.lock().expect("lock") += 1;
                    thread::sleep(ms(1));
                }
            });
        }
    });
    say(&format!("sum {}", sum.into_inner()?));
    Ok(())
}

fn spins_on_memory() -> Done {
    let flag = Arc::new(AtomicBool::new(false));
    let theirs = flag.clone();
    let begun = Instant::now();
    let setter = thread::spawn(move || {
        thread::sleep(ms(300));
        theirs.store(true, Ordering::SeqCst);
    });
    while !flag.load(Ordering::SeqCst) {}
    setter.join().map_err(|_| "the setter")?;
    println!("set after {} ms", since(begun));
    Ok(())
}

fn deadlock() -> Done {
    let led = led()?;
    let lock = Arc::new(Mutex::new(led));
    let held = lock.lock().map_err(|_| "lock")?;
    let theirs = lock.clone();
    thread::spawn(move || theirs.lock().map(|mut led| led.set_high()).is_ok())
        .join()
        .map_err(|_| "join")?;
    drop(held);
    Ok(())
}

/// `pulse MILLIS` switches the LED on for so long, in a thread of its own, and answers at once; `level` says what it is.
fn server() -> Done {
    let led = Arc::new(Mutex::new(led()?));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let (stream, led) = (stream?, led.clone());
        thread::spawn(move || serve(stream, &led));
    }
    Ok(())
}

fn serve(stream: TcpStream, led: &Arc<Mutex<OutputPin>>) -> std::io::Result<()> {
    let mut answers = stream.try_clone()?;
    for line in std::io::BufReader::new(stream).lines() {
        let line = line?;
        let answer = match line.split_once(' ') {
            Some(("pulse", millis)) => {
                let (led, length) = (led.clone(), ms(number(millis)));
                thread::spawn(move || {
                    led.lock().expect("lock").set_high();
                    thread::sleep(length);
                    led.lock().expect("lock").set_low();
                });
                "ok".to_owned()
            }
            _ if line == "level" => format!("{:?}", led.lock().expect("lock").is_set_high()),
            _ if line == "quit" => std::process::exit(0),
            _ => "what?".to_owned(),
        };
        answers.write_all(format!("{answer}\n").as_bytes())?;
    }
    Ok(())
}

/// Blinks while it reads its input to the end.
fn lines() -> Done {
    let mut led = led()?;
    led.set_high();
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    thread::sleep(ms(100));
    led.set_low();
    println!("{} lines", text.lines().count());
    Ok(())
}

/// How often an input without a resistor changes when nobody touches it.
fn no_pull() -> Done {
    let button = Gpio::new()?.get(BUTTON)?.into_input();
    let levels: Vec<u8> = (0..64)
        .map(|_| {
            thread::sleep(ms(1));
            u8::from(button.is_high())
        })
        .collect();
    println!("{levels:?}");
    Ok(())
}

fn high_from_the_start() -> Done {
    let gpio = Gpio::new()?;
    let mut good = gpio.get(LED)?.into_output_high();
    good.set_low();
    let mut bad = gpio.get(22)?.into_output();
    bad.set_high();
    bad.set_low();
    Ok(())
}

/// Asks the pin each time, as `toggle` does, too: the level, not what was written.
fn toggles() -> Done {
    let mut led = led()?;
    for _ in 0..3 {
        led.toggle();
        println!("{}", led.is_set_high());
    }
    Ok(())
}

fn left(how: &str) -> Done {
    let mut led = led()?;
    led.set_high();
    println!("on");
    match how {
        "by-return" => {}
        "by-error" => Err("no more")?,
        "by-panic" => panic!("no more"),
        "by-exit" => std::process::exit(7),
        "by-abort" => std::process::abort(),
        "by-null" => crash(),
        "by-waiting" => thread::sleep(Duration::from_secs(100)),
        "by-handler" => handler()?,
        _ => Err("how?")?,
    }
    Ok(())
}

#[allow(unsafe_code)] // to crash is the point
fn crash() {
    // SAFETY: none. The process is to end here.
    unsafe { std::ptr::null_mut::<u32>().write_volatile(1) };
}

/// Leaves in good order at SIGTERM, which it sees between two naps.
fn handler() -> Done {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    extern "C" fn note(_: i32) {
        ASKED.store(1, Ordering::SeqCst);
    }
    handle(note)?;
    while ASKED.load(Ordering::SeqCst) == 0 {
        thread::sleep(ms(50));
    }
    Ok(())
}

/// SIGTERM and SIGINT call this function, which does nothing but store a number.
fn handle(note: extern "C" fn(i32)) -> Done {
    let action = nix::sys::signal::SigAction::new(
        nix::sys::signal::SigHandler::Handler(note),
        nix::sys::signal::SaFlags::empty(),
        nix::sys::signal::SigSet::empty(),
    );
    #[allow(unsafe_code)]
    // SAFETY: the handler stores a number, which is allowed at any moment.
    unsafe {
        nix::sys::signal::sigaction(nix::sys::signal::Signal::SIGTERM, &action)?;
        nix::sys::signal::sigaction(nix::sys::signal::Signal::SIGINT, &action)?;
    }
    Ok(())
}

/// A timer of the kernel's that sends a signal.
#[allow(unsafe_code)]
fn timer() -> Done {
    // SAFETY: all zeros is a setting, that of a timer that is off; the old one is not asked for.
    let set = unsafe { nix::libc::setitimer(nix::libc::ITIMER_REAL, &std::mem::zeroed(), std::ptr::null_mut()) };
    println!("{set} {}", std::io::Error::last_os_error().raw_os_error().unwrap_or(0));
    Ok(())
}

/// A timer that is a descriptor: waited for, polled, read late, set again.
fn timer_descriptor() -> Done {
    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
    let begun = Instant::now();
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty())?;
    let first = Expiration::IntervalDelayed(ms(250).into(), ms(100).into());
    timer.set(first, TimerSetTimeFlags::empty())?;
    for _ in 0..2 {
        timer.wait()?;
        println!("rings at {} ms", since(begun));
    }
    let mut wanted = [nix::poll::PollFd::new(
        std::os::fd::AsFd::as_fd(&timer),
        nix::poll::PollFlags::POLLIN,
    )];
    for patience in [60u8, 60] {
        let ready = nix::poll::poll(&mut wanted, patience)?;
        println!("{ready} after {patience} ms more, at {} ms", since(begun));
    }
    thread::sleep(ms(300));
    let mut count = [0; 8];
    nix::unistd::read(&timer, &mut count)?;
    println!("has rung {} times at {} ms", u64::from_ne_bytes(count), since(begun));
    timer.set(Expiration::OneShot(ms(10).into()), TimerSetTimeFlags::empty())?;
    thread::sleep(ms(20));
    timer.set(Expiration::OneShot(ms(500).into()), TimerSetTimeFlags::empty())?;
    timer.wait()?;
    println!("rings at {} ms, {:?}", since(begun), timer.get()?.is_none());
    Ok(())
}

/// Waits in `readv`.
fn vectored() -> Done {
    let mut led = led()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    let (mut one, mut rest) = ([0; 1], [0; 64]);
    let pieces = &mut [std::io::IoSliceMut::new(&mut one), std::io::IoSliceMut::new(&mut rest)];
    let count = stream.read_vectored(pieces)?;
    led.set_high();
    stream.write_all(format!("{count}\n").as_bytes())?;
    Ok(())
}

/// Sends until nobody takes any more.
fn floods() -> Done {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    loop {
        stream.write_all(&[b'x'; 65536])?;
    }
}

/// Waits in a call that the supervisor does not know: `sigsuspend`.
fn suspended() -> Done {
    extern "C" fn nothing(_: i32) {}
    let _led = led()?;
    let begun = Instant::now();
    handle(nothing)?;
    nix::sys::signal::SigSet::empty().suspend()?;
    println!("a signal after {} ms", since(begun));
    Ok(())
}

/// Says a lot about pins, and touches none.
fn liar() -> Done {
    println!("   0.00 ms  BCM 17 goes high");
    for fd in 0..64 {
        #[allow(unsafe_code)]
        // SAFETY: the borrow ends with the call; a number that is not open is refused.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
        let _ = nix::unistd::write(fd, b"Driven(17, Some(High))\n");
    }
    let mut page = vec![0u32; 1024];
    page[7] = 1 << LED;
    for path in ["/dev/gpiomem", "/dev/gpiochip0", "/proc/cpuinfo", "/proc/self/mem"] {
        if let Ok(mut file) = std::fs::OpenOptions::new().write(true).open(path) {
            let _ = file.write_all(&page[7].to_ne_bytes());
        }
    }
    std::hint::black_box(page);
    Ok(())
}

fn model() -> Done {
    println!("{}", rppal::system::DeviceInfo::new()?.model());
    let gpio = Gpio::new()?;
    println!("{:?}", gpio.get(99).map(|_| ()).map_err(|error| error.to_string()));
    let _first = gpio.get(LED)?;
    println!("{:?}", gpio.get(LED).map(|_| ()).map_err(|error| error.to_string()));
    println!("{}", thread::available_parallelism()?);
    Ok(())
}

/// Accesses that are no plain moves of four bytes, on a mapping of its own.
#[allow(unsafe_code)]
fn folded() -> Done {
    let _led = led()?;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/gpiomem")?;
    let length = std::num::NonZeroUsize::new(4096).ok_or("zero")?;
    let (protection, flags) = (
        nix::sys::mman::ProtFlags::PROT_READ | nix::sys::mman::ProtFlags::PROT_WRITE,
        nix::sys::mman::MapFlags::MAP_SHARED,
    );
    // SAFETY: the mapping is new, 4096 bytes long and never unmapped; atomics are plain memory accesses to it.
    unsafe {
        let page = nix::sys::mman::mmap(None, length, protection, flags, &file, 0)?.cast::<AtomicU32>();
        // Exchanged, so the instruction both loads and stores.
        page.add(0x1c / 4).as_ref().swap(1 << LED, Ordering::SeqCst);
        // Eight bytes at once: two registers.
        let levels = page.add(0x30 / 4).cast::<u64>().read_volatile() >> 32;
        println!("{}", levels >> LED & 1);
        page.add(0x28 / 4).as_ref().swap(1 << LED, Ordering::SeqCst);
    }
    Ok(())
}
