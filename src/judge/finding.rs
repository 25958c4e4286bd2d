//! The names of all findings (`wscap explain ID` tells what each means; the texts are in the catalogue).

macro_rules! findings {
    ($( $group:ident { $( $variant:ident = $text:literal, )+ } )+) => {
        /// A named fact. Each has its text in the catalogue.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each is described where users read it: in the catalogue, which a test holds complete")]
        pub enum FindingId { $( $( $variant, )+ )+ }

        impl FindingId {
            /// All of them, in the order of the catalogue.
            pub const ALL: &[Self] = &[ $( $( Self::$variant, )+ )+ ];

            /// As in the output and on the command line.
            pub const fn name(self) -> &'static str {
                match self { $( $( Self::$variant => $text, )+ )+ }
            }

            /// What it is about.
            pub const fn group(self) -> FindingGroup {
                match self { $( $( Self::$variant => FindingGroup::$group, )+ )+ }
            }

            /// The one of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|id| id.name() == name)
            }
        }
    };
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingGroup {
    /// A hop removed or mangled a field.
    Stripped,
    /// The outcome is lesser than what was asked for.
    Downgraded,
    /// The handshake was refused or never answered.
    Rejected,
    /// A note, or why nothing can be said.
    Other,
    /// A frame broke the rules.
    Frames,
    /// How an opened WebSocket ended.
    Closings,
}

findings! {
    Stripped {
        UpgradeStripped = "upgrade_stripped",
        ConnectionStripped = "connection_stripped",
        UpgradeMangled = "upgrade_mangled",
        ConnectionMangled = "connection_mangled",
        KeyStripped = "key_stripped",
        VersionStripped = "version_stripped",
        ResponseUpgradeStripped = "response_upgrade_stripped",
        ResponseConnectionStripped = "response_connection_stripped",
        ResponseAcceptStripped = "response_accept_stripped",
        ResponseAcceptChanged = "response_accept_changed",
        KeyChanged = "key_changed",
    }
    Downgraded {
        HttpVersionDowngraded = "http_version_downgraded",
        AnsweredWithoutUpgrade = "answered_without_upgrade",
        SubprotocolNotSelected = "subprotocol_not_selected",
        ExtensionsStripped = "extensions_stripped",
        ExtensionsAdded = "extensions_added",
        SubprotocolStripped = "subprotocol_stripped",
        ResponseExtensionsStripped = "response_extensions_stripped",
        ResponseSubprotocolStripped = "response_subprotocol_stripped",
        KeyNotBridged = "key_not_bridged",
        ExtendedConnectUnsupported = "extended_connect_unsupported",
        LegacyProtocol = "legacy_protocol",
    }
    Rejected {
        Refused = "refused",
        BadRequest = "bad_request",
        OriginRefused = "origin_refused",
        Unauthorized = "unauthorized",
        Forbidden = "forbidden",
        NotFound = "not_found",
        MethodNotAllowed = "method_not_allowed",
        Redirected = "redirected",
        RateLimited = "rate_limited",
        ServerError = "server_error",
        KeyMissing = "key_missing",
        KeyInvalid = "key_invalid",
        VersionUnsupported = "version_unsupported",
        FieldDuplicated = "field_duplicated",
        FieldMalformed = "field_malformed",
        CaseSensitivePeer = "case_sensitive_peer",
        ProtocolPolicy = "protocol_policy",
        UpgradeRequired = "upgrade_required",
        EngineVersionMismatch = "engine_version_mismatch",
        SessionUnknown = "session_unknown",
        SubprotocolRequired = "subprotocol_required",
        UpstreamUnreachable = "upstream_unreachable",
        UpstreamNoAnswer = "upstream_no_answer",
        UpstreamClosed = "upstream_closed",
        SchemeMismatch = "scheme_mismatch",
        ProxyRefused = "proxy_refused",
        AnsweredByProxy = "answered_by_proxy",
        AnswerNotRelayed = "answer_not_relayed",
        AuthRefused = "auth_refused",
        ResetBeforeAnswer = "reset_before_answer",
        ClosedBeforeAnswer = "closed_before_answer",
        Unanswered = "unanswered",
        AcceptMismatch = "accept_mismatch",
        AcceptMissing = "accept_missing",
        Invalid101 = "invalid_101",
        SubprotocolNotOffered = "subprotocol_not_offered",
        ExtensionNotOffered = "extension_not_offered",
        ExtensionInvalid = "extension_invalid",
        HttpAfter101 = "http_after_101",
        NotHttp = "not_http",
    }
    Other {
        FellBackToPolling = "fell_back_to_polling",
        ClientGaveUp = "client_gave_up",
        CaptureIncomplete = "capture_incomplete",
        UpstreamRetried = "upstream_retried",
        Bridged = "bridged",
        HandshakeSlow = "handshake_slow",
        OpenedThenClosed = "opened_then_closed",
        CopiesSeen = "copies_seen",
    }
    Frames {
        FrameUnmasked = "frame_unmasked",
        FrameMasked = "frame_masked",
        RsvUnexpected = "rsv_unexpected",
        DeflateNotRelayed = "deflate_not_relayed",
        OpcodeReserved = "opcode_reserved",
        ControlFrameInvalid = "control_frame_invalid",
        ContinuationUnexpected = "continuation_unexpected",
        LengthNotMinimal = "length_not_minimal",
        DataAfterClose = "data_after_close",
        CloseMalformed = "close_malformed",
        CloseCodeIllegal = "close_code_illegal",
    }
    Closings {
        ExtensionRequired = "extension_required",
        ClosedProtocolError = "closed_protocol_error",
        ClosedUnsupported = "closed_unsupported",
        ClosedBadData = "closed_bad_data",
        ClosedPolicy = "closed_policy",
        ClosedTooBig = "closed_too_big",
        ClosedInternalError = "closed_internal_error",
        PingTimeout = "ping_timeout",
        ServiceRestart = "service_restart",
        TryAgainLater = "try_again_later",
        BadGateway = "bad_gateway",
        AbnormalClosure = "abnormal_closure",
        CloseChanged = "close_changed",
        IdleTimeout = "idle_timeout",
        LifetimeLimit = "lifetime_limit",
        ProxyReloaded = "proxy_reloaded",
        PeerVanished = "peer_vanished",
        PeerCrashed = "peer_crashed",
    }
}
