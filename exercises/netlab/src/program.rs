//! The command line of an exercise program: `ex01 server --port 5000`, `ex01 probe`, `ex01 --help`.
//!
//! A program is a list of subcommands, and each subcommand names its parameters and the function that runs it. A
//! [`Parameter`] knows the type of its value, so the function gets numbers and addresses, not text:
//!
//! ```
//! use netlab::{Arguments, Command, Failure, Parameter, Program};
//!
//! const TIMES: Parameter<u32> = Parameter::with_default("times", "N", "how often", "1");
//!
//! fn greet(given: &Arguments) -> Result<(), Failure> {
//!     for _ in 0..given.get(&TIMES) {
//!         netlab::event("hello");
//!     }
//!     Ok(())
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     Program::new("hello", "Says hello").command(Command::new("greet", "say it", greet).takes(&TIMES)).run()
//! }
//! ```
//!
//! The parsing is done by the crate clap.

use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;
use std::str::FromStr;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches};

use crate::probe::{self, Answer};
use crate::{Failure, report};

mod several;

/// The port a server listens on. 0, the default, lets the kernel choose a free one.
pub const PORT: Parameter<u16> = Parameter::with_default("port", "PORT", "port to listen on; 0: any free one", "0");

/// One exercise program.
pub struct Program {
    clap: clap::Command,
    subcommands: Vec<(&'static str, Runs)>,
}

/// A subcommand of a [`Program`].
pub struct Command {
    clap: clap::Command,
    name: &'static str,
    runs: Runs,
}

#[derive(Clone, Copy)]
enum Runs {
    Function(fn(&Arguments) -> Result<(), Failure>),
    ExitCode(fn(&Arguments) -> u8),
    Probe(Answer),
}

/// A parameter of a subcommand; [`Arguments::get`] gives its value, a `T`.
pub struct Parameter<T> {
    name: &'static str,
    value_name: &'static str,
    help: &'static str,
    default: Option<&'static str>,
    shape: fn(Arg) -> Arg,
    read: fn(&ArgMatches, &str) -> T,
}

/// What stood on the command line.
pub struct Arguments(ArgMatches);

impl Program {
    /// A program without subcommands yet. `about` is one sentence for `--help`.
    pub fn new(name: &'static str, about: &'static str) -> Program {
        let clap = clap::Command::new(name)
            .about(about)
            .subcommand_required(true)
            .arg_required_else_help(true);
        Program {
            clap: clap.disable_help_subcommand(true),
            subcommands: Vec::new(),
        }
    }

    /// Adds a subcommand.
    pub fn command(mut self, command: Command) -> Program {
        self.clap = self.clap.subcommand(command.clap);
        self.subcommands.push((command.name, command.runs));
        self
    }

    /// Adds the subcommand `probe`, which answers every request line on stdin with one line on stdout.
    pub fn probe(self, answer: Answer) -> Program {
        let about = "try single functions: for every line on stdin, one line with the answer";
        self.command(Command {
            clap: clap::Command::new("probe").about(about),
            name: "probe",
            runs: Runs::Probe(answer),
        })
    }

    /// Runs the subcommand that the command line asks for; `main` returns the exit code.
    pub fn run(self) -> ExitCode {
        ExitCode::from(self.run_with(std::env::args_os()))
    }

    fn run_with(self, arguments: impl IntoIterator<Item = OsString>) -> u8 {
        let matches = match self.clap.try_get_matches_from(arguments) {
            Ok(matches) => matches,
            Err(usage) => {
                let _ = usage.print(); // `--help` goes to stdout, a mistake to stderr
                return usage.exit_code() as u8; // 0 or 2
            }
        };
        let (name, given) = matches.subcommand().expect("clap insists on a subcommand");
        let (_, runs) = self
            .subcommands
            .iter()
            .find(|(known, _)| *known == name)
            .expect("clap knows only these");
        let ended = match runs {
            Runs::Function(function) => function(&Arguments(given.clone())),
            Runs::ExitCode(function) => return function(&Arguments(given.clone())),
            Runs::Probe(answer) => {
                probe::serve(std::io::stdin().lock(), std::io::stdout().lock(), *answer);
                Ok(())
            }
        };
        match ended {
            Ok(()) => 0,
            Err(failure) => {
                report(&failure);
                failure.exit_code()
            }
        }
    }
}

impl Command {
    /// A subcommand without parameters yet. `about` is one line for `--help`.
    pub fn new(name: &'static str, about: &'static str, function: fn(&Arguments) -> Result<(), Failure>) -> Command {
        Command {
            clap: clap::Command::new(name).about(about),
            name,
            runs: Runs::Function(function),
        }
    }

    /// The same, where the function has its own way to say what failed: it returns the exit code, and nothing is
    /// printed for it.
    pub fn with_exit_code(name: &'static str, about: &'static str, function: fn(&Arguments) -> u8) -> Command {
        Command {
            clap: clap::Command::new(name).about(about),
            name,
            runs: Runs::ExitCode(function),
        }
    }

    /// Adds a parameter.
    pub fn takes<T>(mut self, parameter: &Parameter<T>) -> Command {
        let arg = Arg::new(parameter.name)
            .help(parameter.help)
            .value_name(parameter.value_name);
        let arg = if let Some(default) = parameter.default {
            arg.default_value(default)
        } else {
            arg
        };
        self.clap = self.clap.arg((parameter.shape)(arg));
        self
    }

    /// Says that exactly one of these optional parameters has to be there. Once per subcommand.
    pub fn one_of(mut self, names: &[&'static str]) -> Command {
        self.clap = self.clap.group(ArgGroup::new("choice").args(names).required(true));
        self
    }
}

impl Arguments {
    /// The value of a parameter that the subcommand takes.
    pub fn get<T>(&self, parameter: &Parameter<T>) -> T {
        (parameter.read)(&self.0, parameter.name)
    }
}

/// What a value on the command line can be: anything that can be parsed from text, such as numbers and addresses.
pub trait Value: FromStr<Err: Error + Send + Sync + 'static> + Clone + Send + Sync + 'static {}
impl<T: FromStr<Err: Error + Send + Sync + 'static> + Clone + Send + Sync + 'static> Value for T {}

impl<T: Value> Parameter<T> {
    /// `HOST`: known by its place on the command line, and required.
    pub const fn positional(name: &'static str, value_name: &'static str, help: &'static str) -> Parameter<T> {
        let shape = |arg: Arg| arg.required(true).value_parser(parse::<T>());
        Parameter {
            name,
            value_name,
            help,
            default: None,
            shape,
            read: required,
        }
    }

    /// `--port PORT`, with a value to use when it is left out.
    pub const fn with_default(
        name: &'static str,
        value_name: &'static str,
        help: &'static str,
        default: &'static str,
    ) -> Parameter<T> {
        Parameter {
            name,
            value_name,
            help,
            default: Some(default),
            shape: long::<T>,
            read: required,
        }
    }
}

impl<T: Value> Parameter<Option<T>> {
    /// `--count N`, which may be left out.
    pub const fn optional(name: &'static str, value_name: &'static str, help: &'static str) -> Parameter<Option<T>> {
        let read = |matches: &ArgMatches, name: &str| matches.get_one::<T>(name).cloned();
        Parameter {
            name,
            value_name,
            help,
            default: None,
            shape: long::<T>,
            read,
        }
    }
}

impl Parameter<Vec<OsString>> {
    /// `-- CMD ARG…`: everything behind the two dashes as it is, one word at least. The last one that a subcommand takes.
    pub const fn behind_dashes(name: &'static str, value_name: &'static str, help: &'static str) -> Self {
        let shape = |arg: Arg| {
            let words = arg.last(true).num_args(1..).required(true);
            words.value_parser(ValueParser::os_string())
        };
        let read = |matches: &ArgMatches, name: &str| {
            let words = matches.get_many::<OsString>(name);
            words.map(|words| words.cloned().collect()).unwrap_or_default()
        };
        Parameter {
            name,
            value_name,
            help,
            default: None,
            shape,
            read,
        }
    }
}

impl Parameter<bool> {
    /// `--table`: there or not, without a value.
    pub const fn switch(name: &'static str, help: &'static str) -> Parameter<bool> {
        let shape = |arg: Arg| {
            let name = arg.get_id().clone();
            arg.long(name).action(ArgAction::SetTrue)
        };
        let read = |matches: &ArgMatches, name: &str| matches.get_flag(name);
        Parameter {
            name,
            value_name: "",
            help,
            default: None,
            shape,
            read,
        }
    }
}

fn long<T: Value>(arg: Arg) -> Arg {
    let name = arg.get_id().clone();
    arg.long(name).value_parser(parse::<T>())
}

fn parse<T: Value>() -> ValueParser {
    ValueParser::from(|text: &str| text.parse::<T>())
}

fn required<T: Value>(matches: &ArgMatches, name: &str) -> T {
    matches.get_one::<T>(name).expect("clap insists on it").clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Op;

    const COUNT: Parameter<Option<u64>> = Parameter::optional("count", "N", "how many");
    const FAIL: Parameter<bool> = Parameter::switch("fail", "fail");

    fn demo(given: &Arguments) -> Result<(), Failure> {
        assert_eq!(given.get(&PORT), 5000);
        assert_eq!(given.get(&COUNT), None);
        if given.get(&FAIL) {
            Err(Failure::new(Op::Recv, "x", nix::errno::Errno::ECONNRESET))
        } else {
            Ok(())
        }
    }

    const WORDS: Parameter<Vec<OsString>> = Parameter::behind_dashes("command", "CMD", "what to run");

    fn command(given: &Arguments) -> Result<(), Failure> {
        assert_eq!(given.get(&WORDS), ["sh", "-c", "echo -- $1", "--port"]);
        Ok(())
    }

    #[test]
    fn a_command_line_can_end_with_another_one() {
        let run = |arguments: &[&str]| {
            let command = Command::new("run", "for this test", command).takes(&PORT).takes(&WORDS);
            let program = Program::new("ex00", "for this test").command(command);
            program.run_with(["ex00", "run"].iter().chain(arguments).map(OsString::from))
        };
        assert_eq!(run(&["--port", "0", "--", "sh", "-c", "echo -- $1", "--port"]), 0);
        assert_eq!(run(&["--port", "0"]), 2);
        assert_eq!(run(&["--port", "0", "--"]), 2);
        assert_eq!(run(&["sh"]), 2);
    }

    fn exit_code_of(arguments: &[&str]) -> u8 {
        let demo = Command::new("demo", "for this test", demo)
            .takes(&PORT)
            .takes(&COUNT)
            .takes(&FAIL);
        Program::new("ex00", "for this test")
            .command(demo)
            .run_with(arguments.iter().map(OsString::from))
    }

    #[test]
    fn parameters_arrive_with_their_types_and_the_exit_code_tells_the_end() {
        assert_eq!(exit_code_of(&["ex00", "demo", "--port", "5000"]), 0);
        assert_eq!(exit_code_of(&["ex00", "demo", "--port", "5000", "--fail"]), 3);
    }

    #[test]
    fn a_subcommand_can_choose_its_exit_code() {
        let demo =
            Command::with_exit_code("demo", "for this test", |given| 10 + u8::from(given.get(&FAIL))).takes(&FAIL);
        let program = Program::new("ex00", "for this test").command(demo);
        assert_eq!(program.run_with(["ex00", "demo", "--fail"].map(OsString::from)), 11);
    }

    #[test]
    fn a_wrong_command_line_is_exit_code_2() {
        for wrong in [
            &["ex00"][..],
            &["ex00", "nonsense"],
            &["ex00", "demo", "--port", "65536"],
        ] {
            assert_eq!(exit_code_of(wrong), 2, "{wrong:?}");
        }
    }
}
