//! Which leg serves which, and what for (spec: the legs of one attempt form a tree).
//!
//! Works on the legs of one attempt only; that they belong together is known already. An inner leg begins while an
//! outer one waits for its answer, and is opened by the host that the outer one was opened to.

mod roles;

use std::net::IpAddr;
use std::time::Duration;

use self::roles::{role_behind, roles};
use crate::attempt::{JoinedBy, Leg, Node, Role};
use crate::http::origin_form;
use crate::time::Timestamp;

/// Clocks of two capture files, and the queues of two interfaces, may differ by this much.
const SLACK: Duration = Duration::from_millis(100);

/// The same of two legs, as most attempts behind a proxy have them.
pub(super) fn parents_of_two(legs: [&Leg; 2]) -> [Option<usize>; 2] {
    let [first, second] = legs;
    if may_be_child(first, second) {
        return [None, Some(0)];
    }
    [may_be_child(second, first).then_some(1), None]
}

/// Index of each leg's parent among `legs`, which are in the order of their first byte.
pub(super) fn parents(legs: &[&Leg]) -> Vec<Option<usize>> {
    match *legs {
        [] | [_] => return vec![None; legs.len()],
        [first, second] => return parents_of_two([first, second]).into(),
        _ => {}
    }
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

/// Finds their places in the tree: the outermost `path` leg first, children behind their parents, else in the order of
/// time.
pub(super) fn build(mut nodes: Vec<Node>) -> Vec<Node> {
    if let [only] = nodes.as_mut_slice() {
        // It is joined to nothing.
        only.joined_by = None;
        (only.parent, only.role, only.adjacent) = (None, Role::Path, None);
        return nodes;
    }
    nodes.sort_by_key(|node| (node.leg.started(), node.leg.conn));
    // As nearly all are that have more than one.
    if let [outer, inner] = nodes.as_mut_slice()
        && parents_of_two([&outer.leg, &inner.leg]) == [None, Some(0)]
    {
        inner.role = role_behind(&outer.leg, &inner.leg);
        inner.adjacent = adjacency(&outer.leg, &inner.leg);
        (outer.parent, inner.parent) = (None, Some(0));
        (outer.role, outer.adjacent) = (Role::Path, None);
        let joined_by = outer.joined_by.take();
        inner.joined_by = inner.joined_by.or(joined_by);
        return nodes;
    }
    let legs: Vec<&Leg> = nodes.iter().map(|node| &node.leg).collect();
    let parents = parents(&legs);
    let roles = roles(&legs, &parents);
    let adjacent: Vec<Option<bool>> = legs
        .iter()
        .zip(&parents)
        .map(|(leg, parent)| adjacency(legs.get((*parent)?)?, leg))
        .collect();
    let places = parents.into_iter().zip(roles).zip(adjacent);
    for (node, ((parent, role), adjacent)) in nodes.iter_mut().zip(places) {
        (node.parent, node.role, node.adjacent) = (parent, role, adjacent);
    }
    let mut nodes = arrange(nodes);
    // The first of them is joined to nothing: the leg that it was joined to is joined to it.
    if let Some((first, others)) = nodes.split_first_mut()
        && let Some(by) = first.joined_by.take()
        && let Some(seen_first) = others.iter_mut().find(|node| node.joined_by.is_none())
    {
        seen_first.joined_by = Some(by);
    }
    nodes
}

impl Node {
    /// A leg whose place is not known, or which is alone.
    pub(super) const fn of(leg: Leg, joined_by: Option<JoinedBy>) -> Self {
        Self {
            leg,
            parent: None,
            role: Role::Path,
            joined_by,
            adjacent: None,
        }
    }
}

/// Puts nodes into their order, and lets each name its parent's new place.
pub(super) fn arrange(nodes: Vec<Node>) -> Vec<Node> {
    let is_behind = |(at, node): (usize, &Node)| node.parent == at.checked_sub(1);
    if nodes.iter().enumerate().all(is_behind) {
        // Each serves the one before it: that is their order.
        return nodes;
    }
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
    let mut candidates = legs
        .iter()
        .enumerate()
        .filter(|&(index, outer)| index != child && may_be_child(outer, leg));
    let first = candidates.next()?;
    let Some(second) = candidates.next() else {
        return Some(first.0);
    };
    let rank = |outer: &Leg| {
        let inward = relays(outer, leg) || !outer.opened();
        let time = outer.started().as_nanos();
        (
            is_adjacent(outer, leg),
            inward,
            if inward { time } else { time.saturating_neg() },
        )
    };
    [first, second]
        .into_iter()
        .chain(candidates)
        .max_by_key(|&(_, outer)| rank(outer))
        .map(|(index, _)| index)
}

/// Whether a leg may be there to serve another, by its time and its addresses.
pub(super) fn may_be_child(outer: &Leg, inner: &Leg) -> bool {
    let same_file = same_file(outer, inner);
    let began = [outer.started(), inner.started()];
    encloses(outer, inner, began, same_file)
        && precedes(outer, inner, began, same_file)
        && may_serve(outer, inner)
}

/// Begins first. Where two clocks may differ, other things decide if they can: the addresses; what a hop leaves away; for
/// whom a request says that it is; and that who waits for another waits longer.
fn precedes(
    outer: &Leg,
    inner: &Leg,
    [outer_began, inner_began]: [Timestamp; 2],
    same_file: bool,
) -> bool {
    let begins_first = (outer_began, outer.conn) < (inner_began, inner.conn);
    if same_file {
        return begins_first;
    }
    let decides = |a: bool, b: bool| (a != b).then_some(a);
    let by_address = decides(is_adjacent(outer, inner), is_adjacent(inner, outer));
    let source = |leg: &Leg| leg.request.as_ref().map(|(at, _)| at.source);
    if source(outer) == source(inner) {
        return by_address.unwrap_or(begins_first);
    }
    let asks = |leg: &Leg| leg.offer().is_some_and(|offer| offer.upgrade);
    let waited = |leg: &Leg| {
        leg.settled()
            .map_or(Duration::MAX, |settled| settled.since(leg.started()))
    };
    by_address
        .or_else(|| decides(asks(outer), asks(inner)))
        .or_else(|| decides(names_client_of(inner, outer), names_client_of(outer, inner)))
        .or_else(|| decides(waited(outer) > waited(inner), waited(inner) > waited(outer)))
        .unwrap_or(begins_first)
}

/// Whether a request says that it is for the client of another leg.
pub(super) fn names_client_of(inner: &Leg, outer: &Leg) -> bool {
    let clients: Vec<String> = outer
        .pairs()
        .map(|(client, _)| client.addr.to_string())
        .collect();
    let is_client = |element: &str| clients.iter().any(|client| element.trim() == client);
    ["x-forwarded-for", "x-real-ip"].into_iter().any(|name| {
        inner
            .request_field(name)
            .is_some_and(|value| value.split(',').any(is_client))
    })
}

fn encloses(
    outer: &Leg,
    inner: &Leg,
    [outer_began, inner_began]: [Timestamp; 2],
    same_file: bool,
) -> bool {
    // Most are of one, and need no reckoning with time.
    let later = |at: Timestamp| if same_file { at } else { at.after(SLACK) };
    let begins = later(inner_began) >= outer_began;
    let waits = outer
        .settled()
        .is_none_or(|settled| inner_began <= later(settled));
    // Of two that were joined mid-stream neither has a request.
    begins && waits && (outer.request.is_some() || inner.request.is_none())
}

fn same_file(a: &Leg, b: &Leg) -> bool {
    let source = |leg: &Leg| leg.request.as_ref().map(|(at, _)| (at.source, at.iface));
    source(a) == source(b)
}

/// Two legs that one host opened to two others are siblings, unless the first of them goes to that very host.
fn may_serve(outer: &Leg, inner: &Leg) -> bool {
    let same_client = is_one_client(outer, inner);
    let same_server = outer.connection().server == inner.connection().server;
    !same_client || (!same_server && is_adjacent(outer, inner))
}

/// Whether one host opened both. A router that hides its hosts has one address for all of them, but they are seen too.
fn is_one_client(a: &Leg, b: &Leg) -> bool {
    // As nearly all are seen.
    if a.also.is_empty() && b.also.is_empty() {
        return a.connection().client.addr == b.connection().client.addr;
    }
    let is_of = |client: IpAddr, leg: &Leg| leg.pairs().any(|(other, _)| other.addr == client);
    let are_of = |a: &Leg, b: &Leg| a.pairs().all(|(client, _)| is_of(client.addr, b));
    let (first_a, first_b) = (a.connection().client.addr, b.connection().client.addr);
    is_of(first_a, b) && is_of(first_b, a) && (are_of(a, b) || are_of(b, a))
}

pub(super) fn is_adjacent(outer: &Leg, inner: &Leg) -> bool {
    outer.meeting(inner).is_some()
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

/// Targets are equal when their paths and queries are, whatever form they have (RFC 9112 §3.2).
pub(super) fn same_target(a: &Leg, b: &Leg) -> bool {
    match (a.request_head(), b.request_head()) {
        (Some(a), Some(b)) => origin_form(a.target()) == origin_form(b.target()),
        _ => false,
    }
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
