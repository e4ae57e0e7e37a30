//! A parameter that may be given several times: `MSG…`.

use clap::{Arg, ArgAction, ArgMatches};

use super::{Parameter, Value, parse};

impl<T: Value> Parameter<Vec<T>> {
    /// `[WORD…]`: everything on the command line from its place on, perhaps nothing. Once per subcommand, and the last of its positional
    /// parameters.
    pub const fn any_number(name: &'static str, value_name: &'static str, help: &'static str) -> Parameter<Vec<T>> {
        let shape = |arg: Arg| arg.action(ArgAction::Append).num_args(0..).value_parser(parse::<T>());
        Parameter {
            name,
            value_name,
            help,
            default: None,
            shape,
            read: all,
        }
    }

    /// `MSG…`: everything on the command line from its place on, and at least one. Once per subcommand, and the last
    /// of its positional parameters.
    pub const fn several(name: &'static str, value_name: &'static str, help: &'static str) -> Parameter<Vec<T>> {
        let shape = |arg: Arg| {
            arg.required(true)
                .action(ArgAction::Append)
                .num_args(1..)
                .value_parser(parse::<T>())
        };
        Parameter {
            name,
            value_name,
            help,
            default: None,
            shape,
            read: all,
        }
    }
}

fn all<T: Value>(matches: &ArgMatches, name: &str) -> Vec<T> {
    matches.get_many::<T>(name).into_iter().flatten().cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use crate::{Arguments, Command, Failure, Parameter, Program};

    const HOST: Parameter<String> = Parameter::positional("host", "HOST", "a name");
    const WORDS: Parameter<Vec<String>> = Parameter::several("words", "WORD", "some words");
    const LOUD: Parameter<bool> = Parameter::switch("loud", "loudly");

    fn demo(given: &Arguments) -> Result<(), Failure> {
        assert_eq!(given.get(&HOST), "here");
        assert_eq!(given.get(&WORDS), ["one", "", "two words"]);
        assert!(given.get(&LOUD));
        Ok(())
    }

    fn exit_code_of(arguments: &[&str]) -> u8 {
        let demo = Command::new("demo", "for this test", demo)
            .takes(&HOST)
            .takes(&WORDS)
            .takes(&LOUD);
        Program::new("ex00", "for this test")
            .command(demo)
            .run_with(arguments.iter().map(OsString::from))
    }

    #[test]
    fn several_values_arrive_in_order_and_options_may_stand_before_or_behind_them() {
        for given in [
            ["ex00", "demo", "here", "one", "", "two words", "--loud"],
            ["ex00", "demo", "--loud", "here", "one", "", "two words"],
        ] {
            assert_eq!(exit_code_of(&given), 0, "{given:?}");
        }
    }

    #[test]
    fn none_at_all_is_a_wrong_command_line() {
        assert_eq!(exit_code_of(&["ex00", "demo", "here", "--loud"]), 2);
    }

    const ANY: Parameter<Vec<String>> = Parameter::any_number("any", "WORD", "any words");

    #[test]
    fn any_number_may_be_none() {
        let none = |given: &Arguments| {
            assert_eq!(given.get(&ANY), Vec::<String>::new());
            Ok(())
        };
        let run = |arguments: &[&str]| {
            let command = Command::new("demo", "for this test", none).takes(&ANY);
            Program::new("ex00", "for this test")
                .command(command)
                .run_with(arguments.iter().map(OsString::from))
        };
        assert_eq!(run(&["ex00", "demo"]), 0);
    }
}
