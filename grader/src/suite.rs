//! Suites: the compiled tests of an exercise, and the libraries that its programs are linked with.
//!
//! They are built once per course, in a workspace that the grader lays out below `target/grader/`. It holds the tests and their
//! dependencies and *no* student code and no solution: a test program that contained either could be made to lie.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::{DependencyKind, Message, MetadataCommand, PackageId, TargetKind};
use toml::{Table, Value};

use crate::course::{Course, Exercise, Visibility};
use crate::files::write_atomically;
use crate::toolchain::Toolchain;

/// One compiled test program.
#[derive(Debug, Clone)]
pub struct Suite {
    /// The executable.
    pub program: PathBuf,
    /// Every test in it: `check`, or `check::case_1` for a table of cases.
    pub tests: Vec<String>,
}

/// What grading one exercise needs.
#[derive(Debug, Clone)]
pub struct ExerciseSuites {
    /// Tests that the handout holds.
    pub public: Suite,
    /// Tests that it does not; `None` in a handout.
    pub hidden: Option<Suite>,
    /// Name and file of each library that student code may use.
    pub libraries: Vec<(String, PathBuf)>,
    /// Folder with the libraries that those need in turn.
    pub library_folder: PathBuf,
}

/// The suites of all exercises asked for, by package name.
pub type Suites = BTreeMap<String, ExerciseSuites>;

impl ExerciseSuites {
    /// The test program and the names of the cases of one check.
    pub fn cases_of<'a>(&'a self, check: &'a str, visibility: Visibility) -> Option<(&'a Suite, Vec<&'a str>)> {
        let suite = match visibility {
            Visibility::Public => &self.public,
            Visibility::Hidden => self.hidden.as_ref()?,
        };
        Some((
            suite,
            suite
                .tests
                .iter()
                .map(String::as_str)
                .filter(|test| head(test) == check)
                .collect(),
        ))
    }
}

/// The check that a test belongs to: the function's name, before the case.
fn head(test: &str) -> &str {
    test.split("::").next().unwrap_or(test)
}

/// Compiles the suites of these exercises and holds them against the rubrics.
///
/// # Errors
/// A test does not compile; a test without a line in the rubric or a line without a test; an ignored test.
pub fn compile(course: &Course, exercises: &[&Exercise], toolchain: &Toolchain) -> Result<Suites> {
    let workspace = course.target_dir.join("suites");
    lay_out(course, &workspace)?;
    let built = cargo_build(&workspace, exercises, &[], toolchain)?;
    let mut suites = Suites::new();
    for exercise in exercises {
        let libraries = built.libraries_of(&exercise.name)?;
        let public = built.suite(exercise, "public")?;
        let public = public.with_context(|| format!("{}: cargo built no public suite", exercise.name))?;
        let found = ExerciseSuites {
            public,
            hidden: built.suite(exercise, "hidden")?,
            libraries,
            library_folder: workspace.join("target/debug/deps"),
        };
        agree(exercise, &found)?;
        suites.insert(exercise.name.clone(), found);
    }
    Ok(suites)
}

/// Compiles only the scenarios of one exercise, which are public and nobody's check; they stand where its public suite does.
///
/// # Errors
/// They do not compile.
pub fn compile_scenarios(course: &Course, exercise: &Exercise, toolchain: &Toolchain) -> Result<Suites> {
    let workspace = course.target_dir.join("suites");
    lay_out(course, &workspace)?;
    let built = cargo_build(&workspace, &[exercise], &["--test", "scenarios"], toolchain)?;
    let scenarios = built.suite(exercise, "scenarios")?;
    let found = ExerciseSuites {
        public: scenarios.with_context(|| format!("{}: cargo built no scenarios", exercise.name))?,
        hidden: None,
        libraries: built.libraries_of(&exercise.name)?,
        library_folder: workspace.join("target/debug/deps"),
    };
    Ok(Suites::from([(exercise.name.clone(), found)]))
}

/// Copies what submissions are linked with into `folder`: beside it, where cargo put it, lie the tests, and builds must not see those.
///
/// # Errors
/// The disk fails us.
pub fn set_libraries_apart(suites: &mut Suites, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let sources: BTreeSet<PathBuf> = suites.values().map(|suite| suite.library_folder.clone()).collect();
    for source in sources {
        for entry in fs::read_dir(&source).with_context(|| format!("cannot list {}", source.display()))? {
            let path = entry
                .with_context(|| format!("cannot list {}", source.display()))?
                .path();
            if matches!(
                path.extension().and_then(|ending| ending.to_str()),
                Some("rlib" | "rmeta" | "so")
            ) {
                set_apart(&path, folder)?;
            }
        }
    }
    for suite in suites.values_mut() {
        suite.library_folder = folder.to_path_buf();
        for (_, file) in &mut suite.libraries {
            *file = folder.join(file.file_name().context("a library without a name")?);
        }
    }
    Ok(())
}

/// A second name for the same file where that is possible, else a copy.
fn set_apart(file: &Path, folder: &Path) -> Result<()> {
    let target = folder.join(file.file_name().context("a library without a name")?);
    match fs::hard_link(file, &target).or_else(|_| fs::copy(file, &target).map(drop)) {
        // Cargo removes an old build's file under our hands.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done.with_context(|| format!("cannot copy {}", file.display())),
    }
}

/// Writes the workspace: one package per exercise with its tests, its dependencies and an empty library.
fn lay_out(course: &Course, workspace: &Path) -> Result<()> {
    let root_manifest = read_manifest(&course.root.join("Cargo.toml"))?;
    let mut root = Table::new();
    let mut inherited = root_manifest
        .get("workspace")
        .and_then(Value::as_table)
        .cloned()
        .unwrap_or_default();
    for key in ["members", "default-members", "exclude", "lints"] {
        inherited.remove(key);
    }
    if let Some(dependencies) = inherited.get_mut("dependencies").and_then(Value::as_table_mut) {
        make_paths_absolute(dependencies, &course.root);
    }
    let members = course
        .exercises
        .iter()
        .map(|exercise| Value::String(exercise.folder.clone()))
        .collect();
    inherited.insert("members".into(), Value::Array(members));
    root.insert("workspace".into(), Value::Table(inherited));
    root.insert("profile".into(), Value::Table(profiles(&root_manifest)));
    write_if_changed(&workspace.join("Cargo.toml"), &toml::to_string(&root)?)?;
    let lock = course.root.join("Cargo.lock");
    if lock.is_file() {
        // The same versions as the course; cargo drops from its copy what the suites do not need.
        let text = fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
        if write_if_changed(&workspace.join("course.lock"), &text)? {
            write_atomically(&workspace.join("Cargo.lock"), text.as_bytes())?;
        }
    }
    for exercise in &course.exercises {
        let package = workspace.join(&exercise.folder);
        write_if_changed(&package.join("Cargo.toml"), &package_manifest(exercise)?)?;
        write_if_changed(
            &package.join("nothing.rs"),
            "//! No code: the suites hold tests only.\n",
        )?;
    }
    Ok(())
}

/// The course's profiles, but nobody debugs a suite or changes it between two builds: half the disk, a tenth less time.
fn profiles(root_manifest: &Table) -> Table {
    let mut profiles = root_manifest
        .get("profile")
        .and_then(Value::as_table)
        .cloned()
        .unwrap_or_default();
    let dev = profiles.entry("dev").or_insert_with(|| Value::Table(Table::new()));
    if let Some(dev) = dev.as_table_mut() {
        dev.insert("debug".into(), Value::Boolean(false));
        dev.insert("incremental".into(), Value::Boolean(false));
    }
    profiles
}

fn package_manifest(exercise: &Exercise) -> Result<String> {
    let mut given = read_manifest(&exercise.dir.join("Cargo.toml"))?;
    let mut manifest = Table::new();
    let mut package = given
        .get("package")
        .and_then(Value::as_table)
        .cloned()
        .unwrap_or_default();
    for key in ["autobins", "autotests", "autoexamples", "autobenches"] {
        package.insert(key.into(), Value::Boolean(false));
    }
    package.insert("build".into(), Value::Boolean(false));
    manifest.insert("package".into(), Value::Table(package));
    manifest.insert(
        "lib".into(),
        Value::Table(Table::from_iter([("path".to_string(), Value::from("nothing.rs"))])),
    );
    let mut tests = vec![test_target("public", &exercise.dir.join("tests/public.rs"))];
    let scenarios = exercise.dir.join("tests/scenarios.rs");
    if scenarios.is_file() {
        // Their owner may break them: grading does not compile them, only a trace does.
        let mut target = test_target("scenarios", &scenarios);
        if let Some(target) = target.as_table_mut() {
            target.insert("test".into(), Value::Boolean(false));
        }
        tests.push(target);
    }
    let mut for_tests = take_table(&mut given, "dev-dependencies");
    make_paths_absolute(&mut for_tests, &exercise.dir);
    if let Some(solution) = &exercise.solution {
        tests.push(test_target("hidden", &solution.join("tests/hidden.rs")));
        let mut hidden = take_table(&mut read_manifest(&solution.join("Cargo.toml"))?, "dev-dependencies");
        make_paths_absolute(&mut hidden, solution);
        for_tests.extend(hidden);
    }
    let mut libraries = take_table(&mut given, "dependencies");
    make_paths_absolute(&mut libraries, &exercise.dir);
    manifest.insert("test".into(), Value::Array(tests));
    manifest.insert("dependencies".into(), Value::Table(libraries));
    manifest.insert(
        "target".into(),
        Value::Table(for_some_systems(&mut given, &exercise.dir)),
    );
    manifest.insert("dev-dependencies".into(), Value::Table(for_tests));
    Ok(toml::to_string(&manifest)?)
}

/// Dependencies that only some systems have: `[target.'cfg(…)'.dependencies]`.
fn for_some_systems(manifest: &mut Table, base: &Path) -> Table {
    let mut targets = take_table(manifest, "target");
    for (_, target) in targets.iter_mut() {
        if let Some(dependencies) = target.get_mut("dependencies").and_then(Value::as_table_mut) {
            make_paths_absolute(dependencies, base);
        }
    }
    targets
}

fn test_target(name: &str, path: &Path) -> Value {
    Value::Table(Table::from_iter([
        ("name".to_string(), Value::from(name)),
        ("path".to_string(), Value::from(path.to_string_lossy().into_owned())),
    ]))
}

fn take_table(manifest: &mut Table, key: &str) -> Table {
    match manifest.remove(key) {
        Some(Value::Table(table)) => table,
        _ => Table::new(),
    }
}

/// `path = "…"` of every dependency, made absolute: the workspace lies elsewhere.
fn make_paths_absolute(dependencies: &mut Table, base: &Path) {
    for (_, dependency) in dependencies.iter_mut() {
        if let Some(path) = dependency.get_mut("path")
            && let Some(relative) = path.as_str()
        {
            let absolute = base.join(relative);
            let absolute = absolute.canonicalize().unwrap_or(absolute);
            *path = Value::from(absolute.to_string_lossy().into_owned());
        }
    }
}

fn read_manifest(path: &Path) -> Result<Table> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} has a mistake", path.display()))
}

/// Leaves an unchanged file alone, so that cargo sees nothing to do; answers whether it wrote.
fn write_if_changed(path: &Path, text: &str) -> Result<bool> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(false);
    }
    write_atomically(path, text.as_bytes())?;
    Ok(true)
}

/// What cargo said that it built.
struct Built {
    /// Test programs by package and target name.
    tests: BTreeMap<(String, String), PathBuf>,
    /// Library files by package.
    libraries: BTreeMap<PackageId, PathBuf>,
    /// Libraries that a package names as its own dependencies: extern name and package.
    wanted: BTreeMap<String, Vec<(String, PackageId)>>,
}

impl Built {
    /// A test program of an exercise, if there is one of that name.
    fn suite(&self, exercise: &Exercise, name: &str) -> Result<Option<Suite>> {
        let program = self.tests.get(&(exercise.name.clone(), name.to_string()));
        let suite = program.map(|program| {
            Ok(Suite {
                program: program.clone(),
                tests: list(program)?,
            })
        });
        suite.transpose()
    }

    fn libraries_of(&self, exercise: &str) -> Result<Vec<(String, PathBuf)>> {
        let wanted = self.wanted.get(exercise).map_or(&[][..], Vec::as_slice);
        wanted
            .iter()
            .map(|(name, package)| {
                let file = self
                    .libraries
                    .get(package)
                    .with_context(|| format!("cargo built no library for {name}"))?;
                Ok((name.clone(), file.clone()))
            })
            .collect()
    }
}

fn cargo_build(workspace: &Path, exercises: &[&Exercise], only: &[&str], toolchain: &Toolchain) -> Result<Built> {
    let manifest = workspace.join("Cargo.toml");
    let mut cargo = Command::new(&toolchain.cargo);
    cargo.args([
        "test",
        "--no-run",
        "--quiet",
        "--message-format=json-render-diagnostics",
        "--manifest-path",
    ]);
    cargo.arg(&manifest).arg("--target-dir").arg(workspace.join("target"));
    for exercise in exercises {
        cargo.args(["-p", &exercise.name]);
    }
    cargo.args(only);
    // This very compiler, not what a rustup proxy would choose for the folder; nor may the environment reach into how tests are built.
    cargo.env("RUSTC", &toolchain.rustc);
    cargo
        .env_remove("RUSTC_WRAPPER")
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("RUSTFLAGS");
    cargo
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    let mut child = cargo
        .spawn()
        .with_context(|| format!("cannot start {}", toolchain.cargo.display()))?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut built = Built {
        tests: BTreeMap::new(),
        libraries: BTreeMap::new(),
        wanted: BTreeMap::new(),
    };
    for message in Message::parse_stream(std::io::BufReader::new(output)) {
        if let Message::CompilerArtifact(artifact) = message.context("cannot read what cargo prints")? {
            note_artifact(&mut built, artifact);
        }
    }
    let status = child.wait().context("cannot wait for cargo")?;
    ensure!(
        status.success(),
        "the course's tests do not compile (see above): a broken course, not a student's fault"
    );
    built.wanted = direct_libraries(&manifest, toolchain)?;
    Ok(built)
}

fn note_artifact(built: &mut Built, artifact: cargo_metadata::Artifact) {
    if let Some(program) = artifact.executable {
        if artifact.target.kind.contains(&TargetKind::Test) {
            let package = package_name(&artifact.package_id);
            built
                .tests
                .insert((package, artifact.target.name), program.into_std_path_buf());
        }
    } else if let Some(file) = artifact
        .filenames
        .iter()
        .find(|file| matches!(file.extension(), Some("rlib" | "so")))
    {
        built
            .libraries
            .insert(artifact.package_id, file.clone().into_std_path_buf());
    }
}

/// `ex01` of `path+file:///…/ex01-four-calls#ex01@0.1.0`.
fn package_name(id: &PackageId) -> String {
    let fragment = id.repr.rsplit('#').next().unwrap_or_default();
    fragment.split('@').next().unwrap_or_default().to_string()
}

fn direct_libraries(manifest: &Path, toolchain: &Toolchain) -> Result<BTreeMap<String, Vec<(String, PackageId)>>> {
    let metadata = MetadataCommand::new()
        .cargo_path(&toolchain.cargo)
        .manifest_path(manifest)
        // What other systems need has not been built.
        .other_options(["--filter-platform".to_string(), toolchain.host.clone()])
        .exec()
        .context("cargo cannot describe the suites' workspace")?;
    let resolve = metadata.resolve.as_ref().context("cargo described no dependencies")?;
    let mut wanted = BTreeMap::new();
    for node in resolve
        .nodes
        .iter()
        .filter(|node| metadata.workspace_members.contains(&node.id))
    {
        let direct = node
            .deps
            .iter()
            .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        wanted.insert(
            package_name(&node.id),
            direct.map(|dep| (dep.name.clone(), dep.pkg.clone())).collect(),
        );
    }
    Ok(wanted)
}

/// The names of the tests in a suite.
fn list(program: &Path) -> Result<Vec<String>> {
    let ask = |arguments: &[&str]| -> Result<Vec<String>> {
        let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("cannot start {}", program.display()))?;
        ensure!(output.status.success(), "{} does not list its tests", program.display());
        let text = String::from_utf8(output.stdout).context("a test's name is not UTF-8")?;
        Ok(text
            .lines()
            .filter_map(|line| line.strip_suffix(": test"))
            .map(str::to_string)
            .collect())
    };
    // libtest counts an ignored test as a success, so there must be none.
    let ignored = ask(&["--list", "--format", "terse", "--ignored"])?;
    ensure!(
        ignored.is_empty(),
        "ignored tests would pass without being run; remove #[ignore] from: {}",
        ignored.join(", ")
    );
    ask(&["--list", "--format", "terse"])
}

/// Every check has a test where the rubric says it is, and every test a check.
fn agree(exercise: &Exercise, suites: &ExerciseSuites) -> Result<()> {
    for (suite, visibility, file) in [
        (Some(&suites.public), Visibility::Public, "tests/public.rs"),
        (suites.hidden.as_ref(), Visibility::Hidden, "tests/hidden.rs"),
    ] {
        let Some(suite) = suite else { continue };
        let tests: BTreeSet<&str> = suite.tests.iter().map(|test| head(test)).collect();
        let checks: BTreeSet<&str> = exercise
            .rubric
            .checks
            .iter()
            .filter(|check| check.visibility == visibility)
            .map(|check| check.name.as_str())
            .collect();
        if let Some(test) = tests.difference(&checks).next() {
            bail!(
                "{}: the test `{test}` in {file} has no {visibility:?} check in rubric.toml; add a [[check]]",
                exercise.folder
            );
        }
        if let Some(check) = checks.difference(&tests).next() {
            bail!(
                "{}: the check `{check}` in rubric.toml has no test in {file}; write it or remove the [[check]]",
                exercise.folder
            );
        }
    }
    Ok(())
}
