//! Landlock: no file is opened, written, made, removed or run but those few that are read while it runs.
//!
//! Files that are open stay open: captures are read and standard output is written through what was opened before.

use std::fmt;
use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};

use super::{Held, Needs};

/// Everything that this one knows is forbidden; a kernel that knows less forbids what it knows.
const ABI_KNOWN: ABI = ABI::V6;
/// Where time zones usually are.
const ZONES: &[&str] = &[
    "/etc/localtime",
    "/etc/timezone",
    "/usr/share/zoneinfo",
    "/usr/share/lib/zoneinfo",
    "/etc/zoneinfo",
];

/// What the kernel took away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Done {
    /// All that is known here.
    whole: bool,
    /// Version of the kernel's interface.
    version: i32,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opens time zones, counters and its terminal at most; makes and runs no file")?;
        if !self.whole {
            let version = self.version;
            write!(f, ", as far as this kernel goes (Landlock {version})")?;
        }
        Ok(())
    }
}

/// Applies it to this thread.
pub(super) fn confine(needs: &Needs, held: &Held) -> Result<Done, String> {
    let status = restrict(needs, held).map_err(|error| error.to_string())?;
    let version = match status.landlock {
        LandlockStatus::NotImplemented => {
            return Err(String::from(
                "this kernel has none (Linux 5.13 and later do)",
            ));
        }
        LandlockStatus::NotEnabled => {
            return Err(String::from("it is switched off in this kernel"));
        }
        LandlockStatus::Available {
            effective_abi,
            kernel_abi,
        } => kernel_abi.unwrap_or(effective_abi as i32),
    };
    match status.ruleset {
        RulesetStatus::NotEnforced => Err(String::from("this kernel did not take it")),
        status => Ok(Done {
            whole: status == RulesetStatus::FullyEnforced,
            version,
        }),
    }
}

fn restrict(needs: &Needs, held: &Held) -> Result<landlock::RestrictionStatus, RulesetError> {
    let zones = ZONES.iter().map(PathBuf::from);
    let counters = held
        .interfaces
        .iter()
        .map(|name| PathBuf::from(format!("/sys/class/net/{name}/statistics")));
    let read = zones.chain(needs.zones.iter().cloned()).chain(counters);
    let terminal = needs.screen.then(|| PathBuf::from("/dev/tty"));
    Ruleset::default()
        .handle_access(AccessFs::from_all(ABI_KNOWN))?
        .handle_access(AccessNet::from_all(ABI_KNOWN))?
        .scope(Scope::from_all(ABI_KNOWN))?
        .create()?
        .add_rules(beneath(read, AccessFs::ReadFile | AccessFs::ReadDir))?
        .add_rules(beneath(
            terminal,
            AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev,
        ))?
        .restrict_self()
}

/// What is not there needs no rule.
fn beneath(
    paths: impl IntoIterator<Item = PathBuf>,
    access: BitFlags<AccessFs>,
) -> impl Iterator<Item = Result<PathBeneath<PathFd>, RulesetError>> {
    landlock::path_beneath_rules(paths, access)
}
