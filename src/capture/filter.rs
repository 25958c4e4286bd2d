//! The packet filter (BPF) for files: compiled by libpcap, run here, once for each link type in them.

use std::collections::BTreeMap;

use pcap::{BpfProgram, Capture, Linktype};

use super::{Error, Notice};
use crate::record::LinkType;

/// A filter that was compiled at least once, so its grammar is right.
pub(crate) struct Filter {
    text: String,
    programs: BTreeMap<LinkType, Option<BpfProgram>>,
    notices: Vec<Notice>,
}

impl Filter {
    /// Compiles the filter for Ethernet, to see that it is one.
    pub(crate) fn new(text: &str) -> Result<Self, Error> {
        let program = compile(text, LinkType::ETHERNET);
        // What only other links know is no mistake: it is told when packets come that it does not fit.
        if let Err(reason) = &program
            && compile(text, LinkType::LINUX_SLL2).is_err()
            && compile(text, LinkType::RAW).is_err()
        {
            return Err(explain(text, reason.clone()));
        }
        Ok(Self {
            text: text.to_owned(),
            programs: BTreeMap::new(),
            notices: Vec::new(),
        })
    }

    /// Whether a packet passes.
    pub(crate) fn passes(&mut self, link: LinkType, data: &[u8]) -> bool {
        let program = self.programs.entry(link).or_insert_with(|| {
            compile(&self.text, link)
                .inspect_err(|reason| {
                    self.notices.push(Notice::FilterUnfit {
                        link: link.to_string(),
                        reason: reason.clone(),
                    });
                })
                .ok()
        });
        program.as_ref().is_some_and(|program| program.filter(data))
    }

    /// What is to be said since the last call.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }
}

/// The error for a filter that libpcap refuses, with a mark under the word where it stops making sense.
pub(crate) fn explain(text: &str, reason: String) -> Error {
    let words: Vec<&str> = text.split_whitespace().collect();
    let good = (1..=words.len())
        .find(|&count| !can_go_on(words.get(..count).unwrap_or_default()))
        .map_or(words.len(), |count| count - 1);
    let before: usize = words.iter().take(good).map(|w| w.chars().count() + 1).sum();
    let width = words.get(good).map_or(1, |word| word.chars().count());
    Error::Filter {
        filter: words.join(" "),
        marker: format!("{}{}", " ".repeat(before), "^".repeat(width)),
        reason,
    }
}

/// Whether these words can begin a filter: as they are, or with something that may follow a word of the language.
fn can_go_on(words: &[&str]) -> bool {
    let begun = words.join(" ");
    let depth = |c| begun.matches(c).count();
    let close = ")".repeat(depth('(').saturating_sub(depth(')')));
    [
        "",
        " 80",
        " 10.0.0.1",
        " 10.0.0.0/8",
        " tcp",
        " port 80",
        " = 0",
        " 1-2",
        " 0:0:0:0:0:0",
    ]
    .iter()
    .any(|more| compile(&format!("{begun}{more}{close}"), LinkType::ETHERNET).is_ok())
}

fn compile(text: &str, link: LinkType) -> Result<BpfProgram, String> {
    // libpcap's own number for a few link types differs from the one in files.
    let dlt = match link.0 {
        100 => 11,
        101 => 12,
        102 => 15,
        other => i32::from(other),
    };
    Capture::dead(Linktype(dlt))
        .and_then(|handle| handle.compile(text, true))
        .map_err(|error| reason(&error))
}

/// What libpcap says, without the wrapper's words around it.
pub(crate) fn reason(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text
            .trim_start_matches("can't parse filter expression: ")
            .to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_compiled_for_each_link_type() {
        let mut filter = Filter::new("ip proto 6").unwrap();
        let mut ip = [0_u8; 40];
        ip[0] = 0x45;
        ip[9] = 6;
        let ethernet = [&[0; 12][..], &[8, 0], &ip].concat();
        assert!(filter.passes(LinkType::RAW, &ip));
        assert!(filter.passes(LinkType::ETHERNET, &ethernet));
        assert!(!filter.passes(LinkType::ETHERNET, &[0; 60]));
        assert!(filter.take_notices().is_empty());
    }

    #[test]
    fn the_mark_stands_under_the_wrong_word() {
        for (text, wrong) in [
            ("tcp prot 80", "prot"),
            ("tcp port 80 adn port 81", "adn"),
            ("tcp and (port 80 or or port 81)", "or"),
        ] {
            let Err(Error::Filter { filter, marker, .. }) = Filter::new(text) else {
                panic!("{text} compiles");
            };
            let at = marker.find('^').unwrap();
            assert!(
                filter.get(at..).is_some_and(|rest| rest.starts_with(wrong)),
                "{filter}\n{marker}"
            );
        }
    }
}
