//! Landlock: what may be opened, and no signal or abstract socket beyond the program's own family. The first lock at L1 and L2,
//! the second at L3, where everything that is not needed is absent already.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, RestrictionStatus, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::fault::{Fault, Staged};
use super::level::Isolation;
use super::policy::{Access, Policy};

/// What is asked for; older kernels give what they have.
const WANTED: ABI = ABI::V6;

/// Restricts this process for good. At L1 and L2 a kernel without landlock is a fault.
pub fn restrict(policy: &Policy, cwd: &Path) -> Staged<()> {
    let status = rules(policy, cwd).map_err(|error| Fault::new(format!("landlock: {error}")))?;
    let enforced = status.ruleset != RulesetStatus::NotEnforced;
    if enforced || policy.level == Isolation::Namespaces {
        return Ok(());
    }
    Err(Fault::new("landlock: this kernel has none"))
}

fn rules(policy: &Policy, cwd: &Path) -> Result<RestrictionStatus, landlock::RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WANTED))?
        .scope(Scope::Signal | Scope::AbstractUnixSocket)?
        .create()?;
    let jailed = policy.level == Isolation::Namespaces;
    let everything = jailed.then_some((Path::new("/"), Access::Execute));
    let tmp = jailed.then_some((Path::new("/tmp"), Access::Write));
    let named = policy
        .visible
        .iter()
        .map(|one| (if jailed { &*one.at } else { &*one.path }, one.access));
    for (path, access) in everything
        .into_iter()
        .chain(tmp)
        .chain([(cwd, Access::Write)])
        .chain(named)
    {
        // What does not exist needs no rule.
        let Ok(file) = PathFd::new(path) else { continue };
        let rights = if path.is_dir() {
            rights(access)
        } else {
            rights(access) & AccessFs::from_file(WANTED)
        };
        ruleset = ruleset.add_rule(PathBeneath::new(file, rights))?;
    }
    ruleset.restrict_self()
}

fn rights(access: Access) -> BitFlags<AccessFs> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    match access {
        Access::Read => read,
        Access::Execute => read | AccessFs::Execute,
        Access::Write => AccessFs::from_all(WANTED) & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::Execute),
        Access::Device => AccessFs::ReadFile | AccessFs::WriteFile,
    }
}
