//! Which leg serves which, and what for (spec: the legs of one attempt form a tree).
//!
//! Works on the legs of one attempt only; that they belong together is known already. An inner leg begins while an
//! outer one waits for its answer, and is opened by the host that the outer one was opened to.

use std::time::Duration;

use crate::attempt::{JoinedBy, Leg, Node, Role};

/// Clocks of two capture files, and the queues of two interfaces, may differ by this much.
const SLACK: Duration = Duration::from_millis(100);

/// Index of each leg's parent among `legs`, which are in the order of their first byte.
pub(super) fn parents(legs: &[&Leg]) -> Vec<Option<usize>> {
    let mut parents: Vec<Option<usize>> = (0..legs.len())
        .map(|child| parent_of(legs, child))
        .collect();
    // Clocks of several files can contradict the addresses; a tree it must be all the same.
    for leg in 0..legs.len() {
        if is_own_ancestor(&parents, leg)
            && let Some(parent) = parents.get_mut(leg)
        {
            *parent = None;
        }
    }
    parents
}

fn is_own_ancestor(parents: &[Option<usize>], leg: usize) -> bool {
    let parent = |of: usize| parents.get(of).copied().flatten();
    let mut above = parent(leg);
    for _ in 0..parents.len() {
        match above {
            Some(ancestor) if ancestor == leg => return true,
            Some(ancestor) => above = parent(ancestor),
            None => return false,
        }
    }
    false
}

/// The legs as nodes: the outermost `path` leg first, children behind their parents, else in the order of time.
pub(super) fn build(mut legs: Vec<(Leg, Option<JoinedBy>)>) -> Vec<Node> {
    legs.sort_by_key(|(leg, _)| (leg.started(), leg.conn));
    let refs: Vec<&Leg> = legs.iter().map(|(leg, _)| leg).collect();
    let parents = parents(&refs);
    let roles = roles(&refs, &parents);
    let adjacent: Vec<Option<bool>> = refs
        .iter()
        .zip(&parents)
        .map(|(leg, parent)| adjacency(refs.get((*parent)?)?, leg))
        .collect();
    let places = parents.into_iter().zip(roles).zip(adjacent);
    let nodes =
        legs.into_iter()
            .zip(places)
            .map(|((leg, joined_by), ((parent, role), adjacent))| Node {
                leg,
                parent,
                role,
                joined_by,
                adjacent,
            });
    arrange(nodes.collect())
}

/// Puts nodes into their order, and lets each name its parent's new place.
pub(super) fn arrange(nodes: Vec<Node>) -> Vec<Node> {
    let order = order(&nodes);
    let mut place = vec![0; nodes.len()];
    for (new, &old) in order.iter().enumerate() {
        if let Some(slot) = place.get_mut(old) {
            *slot = new;
        }
    }
    let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    let mut arranged: Vec<Node> = order
        .into_iter()
        .filter_map(|old| nodes.get_mut(old)?.take())
        .collect();
    for node in &mut arranged {
        node.parent = node.parent.and_then(|parent| place.get(parent).copied());
    }
    arranged
}

/// The parent is a leg that waits for an answer while `child` begins and that `child` may serve.
///
/// Of several the one whose server opened `child`; then the innermost. But where an answer that opened a WebSocket is
/// not the child's, `child` is a sub-request of some hop, and the outermost is the one that surely waits for it.
fn parent_of(legs: &[&Leg], child: usize) -> Option<usize> {
    let leg = *legs.get(child)?;
    let candidates = legs.iter().enumerate().filter(|&(index, outer)| {
        index != child && encloses(outer, leg) && may_serve(outer, leg) && precedes(outer, leg)
    });
    let rank = |outer: &Leg| {
        let inward = relays(outer, leg) || !outer.opened();
        let time = outer.started().as_nanos();
        (
            is_adjacent(outer, leg),
            inward,
            if inward { time } else { time.saturating_neg() },
        )
    };
    candidates
        .max_by_key(|&(_, outer)| rank(outer))
        .map(|(index, _)| index)
}

/// Whether a leg may be there to serve another, by its time and its addresses.
pub(super) fn may_be_child(outer: &Leg, inner: &Leg) -> bool {
    encloses(outer, inner) && precedes(outer, inner) && may_serve(outer, inner)
}

/// Begins first. Where two clocks may differ, the addresses decide if they can.
fn precedes(outer: &Leg, inner: &Leg) -> bool {
    let begins_first = (outer.started(), outer.conn) < (inner.started(), inner.conn);
    if same_file(outer, inner) {
        return begins_first;
    }
    match (is_adjacent(outer, inner), is_adjacent(inner, outer)) {
        (true, false) => true,
        (false, true) => false,
        _ => begins_first,
    }
}

fn encloses(outer: &Leg, inner: &Leg) -> bool {
    let slack = if same_file(outer, inner) {
        Duration::ZERO
    } else {
        SLACK
    };
    let begins = inner.started().after(slack) >= outer.started();
    let waits = outer
        .settled()
        .is_none_or(|settled| inner.started() <= settled.after(slack));
    // Of two that were joined mid-stream neither has a request.
    begins && waits && (outer.request.is_some() || inner.request.is_none())
}

fn same_file(a: &Leg, b: &Leg) -> bool {
    let source = |leg: &Leg| leg.request.as_ref().map(|(at, _)| (at.source, at.iface));
    source(a) == source(b)
}

/// Two legs that one host opened to two others are siblings, unless the first of them goes to that very host.
fn may_serve(outer: &Leg, inner: &Leg) -> bool {
    let same_client = outer.connection.client.addr == inner.connection.client.addr;
    let same_server = outer.connection.server == inner.connection.server;
    !same_client || (!same_server && is_adjacent(outer, inner))
}

fn is_adjacent(outer: &Leg, inner: &Leg) -> bool {
    outer.connection.server.addr == inner.connection.client.addr
}

/// Whether the outer answer may be the inner one, passed on.
fn relays(outer: &Leg, inner: &Leg) -> bool {
    let (Some(status), Some(inner_status)) = (outer.status(), inner.status()) else {
        return false;
    };
    if status != inner_status
        || inner.answered() > outer.answered().map(|answered| answered.after(SLACK))
    {
        return false;
    }
    status != 101
        || outer.answer_field("sec-websocket-accept") == inner.answer_field("sec-websocket-accept")
}

/// `Some(true)` where the inner client is the outer server; `Some(false)` where the fields that proxies add show that
/// something lies between.
fn adjacency(outer: &Leg, inner: &Leg) -> Option<bool> {
    if is_adjacent(outer, inner) {
        return Some(true);
    }
    let entries = |leg: &Leg, name| {
        leg.request_head()
            .map_or(0, |head| head.fields.elements(name).count())
    };
    let between = ["via", "forwarded", "x-forwarded-for"]
        .into_iter()
        .any(|name| entries(inner, name) >= entries(outer, name).saturating_add(2));
    between.then_some(false)
}

fn roles(legs: &[&Leg], parents: &[Option<usize>]) -> Vec<Role> {
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

/// Targets are equal when their paths and queries are, whatever form they have (RFC 9112 §3.2).
pub(super) fn same_target(a: &Leg, b: &Leg) -> bool {
    match (a.request_head(), b.request_head()) {
        (Some(a), Some(b)) => origin_form(&a.target) == origin_form(&b.target),
        _ => false,
    }
}

/// A target in absolute form, reduced to its path and query.
pub(crate) fn origin_form(target: &str) -> &str {
    let Some((_, rest)) = target.split_once("://") else {
        return target;
    };
    rest.find('/')
        .and_then(|slash| rest.get(slash..))
        .unwrap_or("/")
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

fn order(nodes: &[Node]) -> Vec<usize> {
    let mut order = Vec::with_capacity(nodes.len());
    let mut stack: Vec<usize> = Vec::new();
    let push_children = |scope: Option<usize>, stack: &mut Vec<usize>| {
        let mut children: Vec<(usize, &Node)> = nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.parent == scope)
            .collect();
        // Without a parent in sight the path comes first: it is the outermost leg.
        children.sort_by_key(|(_, node)| {
            (
                scope.is_none() && node.role != Role::Path,
                node.leg.started(),
                node.leg.conn,
            )
        });
        stack.extend(children.into_iter().rev().map(|(index, _)| index));
    };
    push_children(None, &mut stack);
    while let Some(next) = stack.pop() {
        order.push(next);
        push_children(Some(next), &mut stack);
    }
    order
}
