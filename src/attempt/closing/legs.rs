//! The legs of an open WebSocket: most have one, seen once.

use std::cmp::Reverse;

use super::view::View;
use crate::attempt::few::Few;
use crate::attempt::places::LegView;

/// The legs of a WebSocket, outermost first, of each its views, the first first.
#[derive(Debug)]
pub(in crate::attempt) enum SocketLegs {
    None,
    /// As most have it.
    One(View),
    Several(Vec<Few<View>>),
}

impl SocketLegs {
    pub(in crate::attempt) const fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Several(legs) => legs.len(),
        }
    }

    /// Whether each has one view.
    pub(super) fn is_seen_once(&self) -> bool {
        match self {
            Self::None | Self::One(_) => true,
            Self::Several(legs) => legs.iter().all(|views| views.len() == 1),
        }
    }

    pub(in crate::attempt) fn push(&mut self, views: Few<View>) {
        *self = match std::mem::replace(self, Self::None) {
            Self::None if views.len() == 1 => Self::One(views.into_first()),
            Self::None => Self::Several(vec![views]),
            Self::One(first) => Self::Several(vec![Few::one(first), views]),
            Self::Several(mut legs) => {
                legs.push(views);
                Self::Several(legs)
            }
        };
    }

    pub(super) fn first(&self) -> Option<&View> {
        match self {
            Self::None => None,
            Self::One(view) => Some(view),
            Self::Several(legs) => legs.first().map(Few::first),
        }
    }

    pub(super) fn at_mut(&mut self, at: LegView) -> Option<&mut View> {
        match self {
            Self::None => None,
            Self::One(view) => (at == LegView::new(0, 0)).then_some(view),
            Self::Several(legs) => legs.get_mut(at.leg())?.get_mut(at.view()),
        }
    }

    pub(super) fn views(&self) -> impl Iterator<Item = &View> {
        let (one, several) = match self {
            Self::None => (None, None),
            Self::One(view) => (Some(view), None),
            Self::Several(legs) => (None, Some(legs)),
        };
        let several = several.into_iter().flatten().flat_map(Few::iter);
        one.into_iter().chain(several)
    }

    pub(super) fn views_mut(&mut self) -> impl Iterator<Item = &mut View> {
        let (one, several) = match self {
            Self::None => (None, None),
            Self::One(view) => (Some(view), None),
            Self::Several(legs) => (None, Some(legs)),
        };
        let several = several.into_iter().flatten().flat_map(Few::iter_mut);
        one.into_iter().chain(several)
    }

    /// Shows each leg as its best view shows it.
    pub(super) fn each_best(&self, mut show: impl FnMut(&View)) {
        match self {
            Self::None => {}
            Self::One(view) => show(view),
            Self::Several(legs) => {
                let best = legs.iter().filter_map(|views| views.get(best_of(views)));
                best.for_each(show);
            }
        }
    }

    /// The first leg likewise.
    pub(super) fn first_best(&self) -> Option<&View> {
        match self {
            Self::None => None,
            Self::One(view) => Some(view),
            Self::Several(legs) => {
                let views = legs.first()?;
                views.get(best_of(views))
            }
        }
    }

    /// Takes each view, and whether it is the best of its leg.
    pub(super) fn take_apart(self, mut take: impl FnMut(View, bool)) {
        match self {
            Self::None => {}
            Self::One(view) => take(view, true),
            Self::Several(legs) => {
                for views in legs {
                    let best = best_of(&views);
                    let views = views.into_iter().enumerate();
                    views.for_each(|(index, view)| take(view, index == best));
                }
            }
        }
    }
}

/// That view of a leg that lost least; the first where they show the same.
fn best_of(views: &Few<View>) -> usize {
    if views.len() == 1 {
        return 0;
    }
    let views = views.iter().enumerate();
    let best = views.max_by_key(|(index, view)| (view.tail.clarity(), Reverse(*index)));
    best.map_or(0, |(index, _)| index)
}
