//! What each leg is for: the child whose answer is passed on is the path, the others ask, try again or listen.

use super::{SLACK, relays, same_target};
use crate::attempt::{Leg, Role};

pub(super) fn roles(legs: &[&Leg], parents: &[Option<usize>]) -> Vec<Role> {
    let mut roles = vec![Role::Path; legs.len()];
    let scopes = std::iter::once(None).chain((0..legs.len()).map(Some));
    for scope in scopes {
        let children: Vec<usize> = (0..legs.len())
            .filter(|&leg| parents.get(leg) == Some(&scope))
            .collect();
        let parent = scope.and_then(|index| legs.get(index).copied());
        let path = path_child(legs, &children, parent);
        for &child in &children {
            if Some(child) == path {
                continue;
            }
            let role = other_role(legs, child, path, parent);
            if let Some(slot) = roles.get_mut(child) {
                *slot = role;
            }
        }
    }
    // What serves a sub-request is of its kind.
    for index in 0..legs.len() {
        let mut ancestor = parents.get(index).copied().flatten();
        let mut steps = legs.len();
        while let (Some(above), 1..) = (ancestor, steps) {
            let role = roles.get(above).copied().unwrap_or(Role::Path);
            if role != Role::Path
                && let Some(slot) = roles.get_mut(index)
            {
                *slot = role;
                break;
            }
            ancestor = parents.get(above).copied().flatten();
            steps -= 1;
        }
    }
    roles
}

/// Likewise of the only leg behind another.
pub(super) fn role_behind(outer: &Leg, inner: &Leg) -> Role {
    if may_be_path(outer, inner) {
        Role::Path
    } else {
        other_role(&[outer, inner], 1, None, Some(outer))
    }
}

/// The child whose answer the parent passes on; without a parent in sight the one that opened, else that tried to.
fn path_child(legs: &[&Leg], children: &[usize], parent: Option<&Leg>) -> Option<usize> {
    let leg = |index: &usize| legs.get(*index).copied();
    let Some(parent) = parent else {
        let rank = |index: &usize| {
            leg(index).map(|leg| {
                (
                    !leg.is_marked_auth(),
                    leg.opened(),
                    leg.offer().is_some_and(|offer| offer.upgrade),
                    leg.started(),
                )
            })
        };
        return children.iter().copied().max_by_key(rank);
    };
    let fit: Vec<usize> = children
        .iter()
        .copied()
        .filter(|index| leg(index).is_some_and(|leg| may_be_path(parent, leg)))
        .collect();
    let relayed = |with_body: bool| {
        fit.iter().copied().rfind(|index| {
            leg(index)
                .is_some_and(|leg| relays(parent, leg) && (!with_body || same_body(parent, leg)))
        })
    };
    relayed(true).or_else(|| {
        let before = |index: &usize| {
            leg(index).is_some_and(|leg| match (leg.settled(), parent.settled()) {
                (Some(inner), Some(outer)) => inner <= outer.after(SLACK),
                (None, _) => false,
                (Some(_), None) => true,
            })
        };
        let last = |of: &[usize]| {
            of.iter()
                .copied()
                .max_by_key(|index| leg(index).map(|leg| (leg.settled(), leg.started())))
        };
        let ended: Vec<usize> = fit.iter().copied().filter(before).collect();
        last(&ended).or_else(|| {
            fit.iter()
                .copied()
                .max_by_key(|index| leg(index).map(Leg::started))
        })
    })
}

/// Never a child whose 2xx was not relayed, nor a marked sub-request, nor one without Upgrade that asks for something
/// else and whose content the client did not get.
fn may_be_path(parent: &Leg, leg: &Leg) -> bool {
    if leg.is_marked_auth() {
        return false;
    }
    if leg.request.is_none() {
        // Joined mid-stream, by its frames: those are passed on along the path only.
        return true;
    }
    let success = leg
        .status()
        .is_some_and(|status| (200..300).contains(&status));
    if success && !relays(parent, leg) {
        return false;
    }
    let upgrade = leg.offer().is_some_and(|offer| offer.upgrade);
    upgrade || same_target(parent, leg) || (relays(parent, leg) && same_body(parent, leg))
}

fn other_role(legs: &[&Leg], child: usize, path: Option<usize>, parent: Option<&Leg>) -> Role {
    let Some(leg) = legs.get(child).copied() else {
        return Role::Path;
    };
    if leg.is_marked_auth() {
        return Role::Auth;
    }
    let path = path.and_then(|index| legs.get(index).copied());
    let asks_alike = path.is_some_and(|path| {
        let upgrade = |leg: &Leg| leg.offer().is_some_and(|offer| offer.upgrade);
        upgrade(path) == upgrade(leg) && same_target(path, leg)
    });
    let given_up = leg.status().is_none_or(|status| status >= 500);
    let before = match (leg.settled(), path) {
        (Some(settled), Some(path)) => settled <= path.started(),
        // Nothing followed: it ended before the parent answered.
        (Some(settled), None) => parent
            .and_then(Leg::answered)
            .is_none_or(|answered| settled <= answered),
        (None, _) => false,
    };
    let started_before = path.is_none_or(|path| leg.started() < path.started());
    if asks_alike && given_up && (before || started_before) {
        Role::Retry
    } else if before {
        Role::Auth
    } else {
        Role::Mirror
    }
}

fn same_body(a: &Leg, b: &Leg) -> bool {
    let bytes = |leg: &Leg| {
        leg.body
            .as_ref()
            .map(|body| body.bytes.clone())
            .unwrap_or_default()
    };
    if a.status() == Some(101) {
        return true;
    }
    bytes(a) == bytes(b)
}
