//! Giving up root once the capture is open, before any thread is spawned: capabilities belong to threads.

use std::fmt;

use caps::CapSet;
use nix::unistd::{Gid, Uid};

/// Who to become when started as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl Identity {
    /// `nobody`, where nobody called sudo.
    pub const NOBODY: Self = Self {
        uid: 65_534,
        gid: 65_534,
    };
}

/// What was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The user it runs as now.
    pub uid: u32,
    /// Why it is still root, though without any capability.
    pub still_root: Option<String>,
    /// Programs can no longer be started with more rights.
    pub no_new_privs: bool,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.still_root {
            Some(why) => write!(
                f,
                "root could not be given up here ({why}); all capabilities were"
            )?,
            None => write!(f, "runs as user {} without capabilities", self.uid)?,
        }
        if self.no_new_privs {
            f.write_str(", cannot gain new privileges")?;
        }
        Ok(())
    }
}

/// Privileges remain that must not.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot give up privileges: {0}\nwscap does not read packets as root; run it where capabilities can be dropped."
)]
pub struct Kept(String);

/// Becomes `to` if this is root, and drops all capabilities in any case.
pub fn drop_privileges(to: Identity) -> Result<Dropped, Kept> {
    // Only with CAP_SETPCAP, so while still root; without it there is nothing to bound.
    let _ = caps::clear(None, CapSet::Bounding);
    let still_root = if Uid::effective().is_root() || Uid::current().is_root() {
        become_user(to).err()
    } else {
        None
    };
    for set in [
        CapSet::Ambient,
        CapSet::Inheritable,
        CapSet::Effective,
        CapSet::Permitted,
    ] {
        // A kernel without ambient capabilities has none to keep; what matters is asked for below.
        let _ = caps::clear(None, set);
    }
    let left = caps::read(None, CapSet::Permitted).map_err(|error| Kept(error.to_string()))?;
    if !left.is_empty() {
        return Err(Kept(format!("{} capabilities are left", left.len())));
    }
    Ok(Dropped {
        uid: Uid::effective().as_raw(),
        still_root,
        no_new_privs: nix::sys::prctl::set_no_new_privs().is_ok(),
    })
}

/// Groups first: afterwards there is no right to change them.
fn become_user(to: Identity) -> Result<(), String> {
    let (uid, gid) = (Uid::from_raw(to.uid), Gid::from_raw(to.gid));
    let step = |what: &'static str| move |error: nix::Error| format!("{what}: {error}");
    nix::unistd::setgroups(&[]).map_err(step("setgroups"))?;
    nix::unistd::setresgid(gid, gid, gid).map_err(step("setgid"))?;
    nix::unistd::setresuid(uid, uid, uid).map_err(step("setuid"))?;
    if nix::unistd::setuid(Uid::from_raw(0)).is_ok() {
        return Err(String::from("root can be taken back"));
    }
    Ok(())
}
