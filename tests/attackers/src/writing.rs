//! The ways of writing `..`, `/` and `\`, and of hiding what follows a path.

/// What a hostile request is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// As it is.
    Raw,
    /// Percent-encoded.
    Encoded,
    /// Percent-encoded, and the percent sign as well.
    EncodedTwice,
    /// In part percent-encoded, in letters of both cases.
    MixedCase,
    /// More bytes than UTF-8 takes for the character.
    OverLong,
    /// The full-width form of the character.
    FullWidth,
    /// `\` in place of `/`.
    Backslash,
    /// With a `;`.
    Parameter,
    /// With a NUL.
    Nul,
    /// With a tab.
    Tab,
    /// With a `#`.
    Fragment,
    /// With a `?`.
    Query,
    /// More dots than two.
    MoreDots,
    /// Segments with nothing in them, or one dot.
    EmptySegment,
    /// Characters in the query that a URL does not have.
    OddQuery,
    /// Headers that are no text.
    OddHeader,
    /// Cookies that are none.
    OddCookie,
    /// A body that is not what the event says it is.
    OddBody,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Raw,
        Self::Encoded,
        Self::EncodedTwice,
        Self::MixedCase,
        Self::OverLong,
        Self::FullWidth,
        Self::Backslash,
        Self::Parameter,
        Self::Nul,
        Self::Tab,
        Self::Fragment,
        Self::Query,
        Self::MoreDots,
        Self::EmptySegment,
        Self::OddQuery,
        Self::OddHeader,
        Self::OddCookie,
        Self::OddBody,
    ];

    /// Whether it is about the path.
    #[must_use]
    pub fn is_of_path(self) -> bool {
        !matches!(self, Self::OddQuery | Self::OddHeader | Self::OddCookie | Self::OddBody)
    }
}

type Written = (Kind, &'static [u8]);

const UPS: [Written; 22] = [
    (Kind::Raw, b".."),
    (Kind::Encoded, b"%2e%2e"),
    (Kind::Encoded, b"%2E%2E"),
    (Kind::MixedCase, b".%2e"),
    (Kind::MixedCase, b"%2e%2E"),
    (Kind::EncodedTwice, b"%252e%252e"),
    (Kind::EncodedTwice, b"%25%32%65%25%32%65"),
    (Kind::OverLong, b"%c0%ae%c0%ae"),
    (Kind::OverLong, b"%e0%80%ae%e0%80%ae"),
    (Kind::OverLong, b"\xc0\xae\xc0\xae"),
    (Kind::FullWidth, b"%ef%bc%8e%ef%bc%8e"),
    (Kind::FullWidth, "\u{ff0e}\u{ff0e}".as_bytes()),
    (Kind::Parameter, b"..;a"),
    (Kind::Parameter, b"..%3Ba=b"),
    (Kind::Nul, b".%00."),
    (Kind::Tab, b"%09.."),
    (Kind::Tab, b".\t."),
    (Kind::Fragment, b"..#a"),
    (Kind::Fragment, b"..%23a"),
    (Kind::Query, b"..?a"),
    (Kind::Query, b"..%3Fa"),
    (Kind::MoreDots, b"...."),
];

const SEPARATORS: [Written; 19] = [
    (Kind::Raw, b"/"),
    (Kind::Encoded, b"%2f"),
    (Kind::Encoded, b"%2F"),
    (Kind::EncodedTwice, b"%252f"),
    (Kind::OverLong, b"%c0%af"),
    (Kind::OverLong, b"%e0%80%af"),
    (Kind::OverLong, b"\xc0\xaf"),
    (Kind::FullWidth, b"%ef%bc%8f"),
    (Kind::FullWidth, "\u{ff0f}".as_bytes()),
    (Kind::Backslash, b"\\"),
    (Kind::Backslash, b"%5C"),
    (Kind::Backslash, b"%5c"),
    (Kind::EncodedTwice, b"%255C"),
    (Kind::FullWidth, b"%ef%bc%bc"),
    (Kind::MixedCase, b"%5c/"),
    (Kind::EmptySegment, b"//"),
    (Kind::EmptySegment, b"/./"),
    (Kind::Parameter, b"/;/"),
    (Kind::Nul, b"%00/"),
];

const COVERS: [Written; 14] = [
    (Kind::Query, b"?"),
    (Kind::Query, b"%3F"),
    (Kind::Query, b"%253F"),
    (Kind::Fragment, b"#"),
    (Kind::Fragment, b"%23"),
    (Kind::Parameter, b";"),
    (Kind::Parameter, b"%3B"),
    (Kind::Nul, b"%00"),
    (Kind::Nul, b"\0"),
    (Kind::Tab, b"%09"),
    (Kind::Tab, b"\t"),
    (Kind::MoreDots, b"."),
    (Kind::EmptySegment, b"/"),
    (Kind::EmptySegment, b"/."),
];

/// One way to write an attack's path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing {
    pub up: &'static [u8],
    pub separator: &'static [u8],
    /// What stands between the path that is aimed at and what the attack ends with.
    pub cover: &'static [u8],
    pub kinds: [Kind; 3],
}

impl Writing {
    /// Every way up with every separator, and every cover with the plainest of both.
    pub fn all() -> Vec<Self> {
        let bare = UPS.iter().flat_map(|up| SEPARATORS.iter().map(|separator| Self::of(up, separator, None)));
        let plainest = [(UPS[0], SEPARATORS[0]), (UPS[0], SEPARATORS[10]), (UPS[1], SEPARATORS[0])];
        let covered = COVERS
            .iter()
            .flat_map(|cover| plainest.iter().map(move |(up, separator)| Self::of(up, separator, Some(cover))));
        bare.chain(covered).collect()
    }

    fn of(up: &Written, separator: &Written, cover: Option<&Written>) -> Self {
        let (hides, cover) = cover.map_or((up.0, &b""[..]), |cover| *cover);
        Self { up: up.1, separator: separator.1, cover, kinds: [up.0, separator.0, hides] }
    }
}
