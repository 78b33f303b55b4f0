//! The codes of all that can be wrong with a policy file: one for each kind of mistake, stable for ever.
//!
//! A code that is given up is not given again. Errors count from `P0001`, lints from `P0101`.

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file is a policy, but hardly what its author means.
    Warning,
    /// The file is no policy.
    Error,
}

/// The word shown.
impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

macro_rules! codes {
    ($($name:ident = $number:literal $severity:ident $meaning:literal)*) => {
        /// A kind of mistake. Shown as `P0012`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Code {
            $(#[doc = $meaning] $name = $number,)*
        }

        impl Code {
            /// All of them, ascending.
            pub const ALL: &[Code] = &[$(Self::$name),*];

            /// What it stands for, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    NotToml = 1 Error "The file is not TOML; nothing else is looked for."
    FileName = 2 Error "The file's name is not that of a policy file, `<service>.policy.toml`."
    UnknownKey = 3 Error "A key stands where there is no such key."
    MissingKey = 4 Error "A key that must be there is not."
    WrongType = 5 Error "A value is of another type than the key takes: text for a number, a table for a list."
    Malformed = 6 Error "A text is not of the form that the key takes: no duration, no host name, no country."
    OutOfRange = 7 Error "A value is of the right kind, but smaller or larger than allowed."
    UnknownWord = 8 Error "A word is none of the fixed set that the key takes."
    UnknownPathway = 9 Error "A pathway is named that the file does not have."
    EmptyList = 10 Error "A list is empty: left out, it would mean something."
    Repeated = 11 Error "Something is named twice where once is all it can be."
    Both = 12 Error "Two keys stand side by side of which only one can hold."
    Neither = 13 Error "Of several keys one is needed, and none is there."
    Alone = 14 Error "A key means nothing without another one, which is not there."
    Crossed = 15 Error "A value is larger than another that bounds it, as a timeout longer than its interval."
    Contradiction = 16 Error "Two values cannot both be so: no client is ever like that, or no answer."
    SingleBrackets = 17 Error "A table that there can be several of begins with `[x]` in place of `[[x]]`."
    NoPathway = 18 Error "The file has no pathway."
    TooMany = 19 Error "There are more pathways or steps than a policy can have."
    SameId = 20 Error "Two pathways have one id, or two tests one name."
    SameHost = 21 Error "Two pathways have one host, so that viewers' reports could not be told apart."
    OtherService = 22 Error "`service` is not what the file's name says."
    NothingForDns = 23 Error "There are steered names, but no pathway says what DNS should answer."
    LeadsBack = 24 Error "A pathway's `cname` is a steered name of this policy."
    Starved = 25 Error "Fences leave no pathway to answer."
    NoShare = 26 Error "All shares are 0."
    TierOrder = 27 Error "Price tiers do not begin at 0 and ascend."
    Undeclared = 28 Error "A step goes by something that no pathway declares: a location, a cost, a capacity."
    NothingExpected = 29 Error "A test expects nothing, and so cannot fail."
    OverWhole = 30 Error "Shares add up to more than 1."

    NeverApplies = 101 Warning "A step's conditions hold for no client, or at no time still to come."
    IdleValue = 102 Warning "A value of a condition changes nothing: the condition holds for the same clients without it, or an earlier step has done the same for them."
    NoEffect = 103 Warning "A step changes nothing: by itself, or since an earlier one has done the same or a later one undoes it."
    NobodyLeft = 104 Warning "Fences of different steps together leave some clients no pathway."
    FencedOut = 105 Warning "A step names a pathway that a fence has taken from all for whom the step is."
    FenceTooLate = 106 Warning "A fence stands behind a `limit`, which may leave only what the fence keeps out."
    OnePathway = 107 Warning "There is one pathway only: players have nothing to turn to when it fails."
    Unheeded = 108 Warning "Pathways are probed, but no `healthy` step heeds what is found."
    HalfDeclared = 109 Warning "A step goes by something that only some pathways declare: a location, a cost."
    LastMile = 110 Warning "`rank` goes only by what measures the viewers' own lines first."
    Unheard = 111 Warning "`rank` asks for more sessions than an audience has."
    Unlearnt = 112 Warning "`rank` without a step that shares viewers out: nothing new is learnt of a pathway that fell behind."
    SaidBefore = 113 Warning "A value is not heeded: it is one for all clients, and an earlier step of the kind says it."
}

/// `P0012`.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{:04}", *self as u16)
    }
}
