//! What the jailed program tries; the first argument says what. It sleeps where it has to be there for long, or to use up its time: what the
//! jail does to such a program is the subject, and no test waits by it.
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let say = |what: &str| println!("{what}");
    match args[0].as_str() {
        "read" => match std::fs::read(&args[1]) {
            Ok(bytes) => println!("read {} bytes", bytes.len()),
            Err(error) => println!("refused: {error}"),
        },
        "write" => say(if std::fs::write(&args[1], "x").is_ok() {
            "written"
        } else {
            "refused"
        }),
        "list" => {
            let mut names: Vec<_> = std::fs::read_dir(&args[1])
                .unwrap()
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            println!("{}", names.join(" "));
        }
        "loopback" => {
            let listener = TcpListener::bind(("127.0.0.1", args.get(1).map_or(0, |p| p.parse().unwrap()))).unwrap();
            TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            say("connected");
            if args.len() > 2 {
                std::thread::sleep(Duration::from_millis(args[2].parse().unwrap()));
            }
        }
        "outside" => say(
            if TcpStream::connect_timeout(&"1.1.1.1:53".parse().unwrap(), Duration::from_secs(2)).is_ok() {
                "reached"
            } else {
                "unreachable"
            },
        ),
        "start" => match std::process::Command::new(&args[1]).args(&args[2..]).status() {
            Ok(status) => println!("{status}"),
            Err(error) => println!("refused: {error}"),
        },
        "exit" => std::process::exit(args[1].parse().unwrap()),
        "abort" => std::process::abort(),
        "spin" => loop {
            std::hint::black_box(0);
        },
        "alloc" => {
            let v = vec![1u8; args[1].parse::<usize>().unwrap() << 20];
            println!("{}", v.len());
        }
        "file" => {
            let mut f = std::fs::File::create("big").unwrap();
            for _ in 0..args[1].parse::<usize>().unwrap() {
                if let Err(e) = f.write_all(&[1; 1 << 20]) {
                    println!("{e}");
                    return;
                }
            }
            say("all");
        }
        "files" => {
            for n in 0..args[1].parse::<usize>().unwrap() {
                if let Err(e) = std::fs::write(format!("f{n}"), [1; 1 << 20]) {
                    println!("{e}");
                    return;
                }
            }
            say("all");
        }
        "daemon" => {
            // Forks away with its own image: setsid is done by the child.
            let me = std::env::args().next().unwrap();
            let me = if std::path::Path::new(&me).exists() {
                me
            } else {
                std::env::current_exe().unwrap().to_str().unwrap().to_string()
            };
            for _ in 0..5 {
                let _ = std::process::Command::new(&me)
                    .args(["sleep", &args[1]])
                    .stdin(std::process::Stdio::null())
                    .stdout(std::process::Stdio::null())
                    .stderr(std::process::Stdio::null())
                    .spawn();
            }
            say("started");
            if args.len() > 2 {
                std::thread::sleep(Duration::from_secs(600));
            }
        }
        "sleep" => {
            unsafe extern "C" {
                fn setsid() -> i32;
                fn fork() -> i32;
            }
            unsafe {
                setsid();
                if fork() != 0 {
                    return;
                }
                setsid();
            }
            std::thread::sleep(Duration::from_secs_f64(args[1].parse().unwrap()));
        }
        "hoard" => {
            hoard(&args[1]);
            say("full");
            std::thread::sleep(Duration::from_secs(600));
        }
        "bomb" => {
            let n = (0..5000)
                .filter(|_| {
                    std::thread::Builder::new()
                        .stack_size(16384)
                        .spawn(|| std::thread::sleep(Duration::from_secs(5)))
                        .is_ok()
                })
                .count();
            println!("{n}");
        }
        "sockets" => {
            for _ in 0..3 {
                TcpListener::bind("127.0.0.1:0").unwrap();
            }
            say("done");
        }
        other => panic!("{other}"),
    }
}

/// Takes all there is of something, tells nobody what was refused, and keeps it.
fn hoard(what: &str) {
    match what {
        "threads" => while std::thread::Builder::new().stack_size(16384).spawn(|| std::thread::park()).is_ok() {},
        "memory" => {
            let mut pieces = Vec::new();
            loop {
                let mut piece: Vec<u8> = Vec::new();
                if piece.try_reserve_exact(1 << 20).is_err() {
                    break;
                }
                piece.resize(1 << 20, 1);
                pieces.push(piece);
            }
            std::mem::forget(pieces);
        }
        "descriptors" => {
            let sockets: Vec<_> = (0..).map_while(|_| TcpListener::bind("127.0.0.1:0").ok()).collect();
            std::mem::forget(sockets);
        }
        _ => {}
    }
}
