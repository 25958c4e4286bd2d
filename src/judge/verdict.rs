//! The scales on which is judged. Their names stand in the output and on the command line.

macro_rules! scale {
    ($(#[doc = $doc:literal])+ $name:ident { $( $(#[doc = $vdoc:literal])+ $variant:ident = $text:literal, )+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( $(#[doc = $vdoc])+ $variant, )+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];

            /// As in the output and on the command line.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }

            /// The one of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }
    };
}

scale! {
    /// What became of an attempt.
    Verdict {
        /// It opened.
        Ok = "ok",
        /// It did not open, and a hop removed or mangled a handshake field.
        Stripped = "stripped",
        /// Nothing essential was removed, but the outcome is lesser.
        Downgraded = "downgraded",
        /// It arrived whole and was refused or never answered.
        Rejected = "rejected",
        /// The client left before the answer came.
        Abandoned = "abandoned",
        /// Bytes of the handshake are missing from the capture.
        Unknown = "unknown",
    }
}

scale! {
    /// How bad it is.
    Severity {
        /// Nothing to do.
        Info = "info",
        /// It works less well than it could, or cannot be told.
        Warning = "warning",
        /// No usable WebSocket.
        Error = "error",
    }
}

scale! {
    /// How sure a finding is, from least to most.
    Confidence {
        /// By the status alone, or by a row that nobody has checked.
        Guess = "guess",
        /// It matches a row of the catalogue, or nothing shows that a proxy sent it.
        Likely = "likely",
        /// One leg shows it by its structure.
        Certain = "certain",
        /// Two joined legs differ.
        Proved = "proved",
    }
}

scale! {
    /// How an opened WebSocket ended.
    Kind {
        /// 1000, 1001, or a Close without a code.
        Normal = "normal",
        /// 3000 to 4999.
        Application = "application",
        /// 1002, 1003, 1007 to 1014.
        Fault = "fault",
        /// FIN, RST or unacknowledged retransmissions without a Close from either side.
        Abnormal = "abnormal",
        /// A code that must not be on the wire, or a malformed Close.
        Illegal = "illegal",
        /// No frame either way, and the client left within a second.
        Unused = "unused",
        /// Still open when the capture ended.
        Open = "open",
    }
}

scale! {
    /// Who ended it.
    Party {
        /// The client.
        Client = "client",
        /// The server.
        Server = "server",
        /// The hop, which ended both legs by itself.
        Proxy = "proxy",
        /// It cannot be told.
        Unknown = "unknown",
    }
}
