//! A list in columns: where each of them begins, their names, and what stands in place of rows.

use ratatui::text::Line;

use crate::report::words::number;

use super::super::action::Screen;
use super::super::app::App;
use super::super::canvas::{Row, width as columns};
use super::super::lists::Order;
use super::super::theme::Tone;

/// A column with where it begins and how wide its text may be.
pub(super) type Place<C> = (C, usize, usize);

/// With less room the host stands before the path.
pub(super) const ROOMY: usize = 110;

/// Where each column begins: those of width 0 share what the others leave, and the last takes the rest of it.
pub(super) fn places<C: Copy>(columns: &[(C, usize)], width: usize) -> Vec<Place<C>> {
    let fixed: usize = columns.iter().map(|&(_, wide)| wide).sum();
    let rest = width.saturating_sub(fixed + 1);
    let sharing = columns.iter().filter(|(_, wide)| *wide == 0).count();
    let share = if sharing > 2 {
        rest / 4
    } else if width < ROOMY {
        rest * 9 / 20
    } else {
        rest / 3
    };
    let of_last = rest.saturating_sub(share * sharing.saturating_sub(1));
    let last = columns.len().saturating_sub(1);
    let mut x = 1;
    let place = |(at, &(column, wide)): (usize, &(C, usize))| {
        let wide = match wide {
            0 if at == last => of_last,
            0 => share,
            wide => wide,
        };
        let place = (column, x, wide.saturating_sub(1));
        x += wide;
        place
    };
    columns.iter().enumerate().map(place).collect()
}

/// The names of the columns, with a mark at the one that is sorted by; where that is not shown, it is named at the right.
pub(super) fn head<C: Copy + PartialEq>(
    app: &App,
    places: &[Place<C>],
    order: Order<C>,
    name: impl Fn(C) -> &'static str,
    width: usize,
) -> Line<'static> {
    let mut head = Row::new(width);
    for &(column, x, wide) in places {
        let (name, tone) = marked(name(column), column == order.column, order.reversed);
        head.cut(x, &name, wide, tone);
    }
    let mut end = width.saturating_sub(1);
    if app.screen != Screen::Overview && app.has_rows() {
        let (at, of) = app.place();
        let place = format!(" {} of {}", number(at as u64), number(of as u64));
        head.right(end, &place, Tone::Dim);
        end = end.saturating_sub(columns(&place) + 1);
    }
    if places.iter().all(|place| place.0 != order.column) {
        let (name, tone) = marked(name(order.column), true, order.reversed);
        head.right(end, &format!(" by {name}"), tone);
    }
    head.line(app.theme)
}

/// What to say of a list without rows.
pub(super) fn nothing(all: usize, what: &str) -> String {
    if all > 0 {
        format!(" The filter leaves none of {all}; esc takes it away.")
    } else {
        format!(" No {what} so far.")
    }
}

fn marked(name: &str, is_sorted: bool, reversed: bool) -> (String, Tone) {
    match (is_sorted, reversed) {
        (false, _) => (name.to_owned(), Tone::Dim),
        (true, false) => (format!("{name} ▼"), Tone::Accent),
        (true, true) => (format!("{name} ▲"), Tone::Accent),
    }
}
