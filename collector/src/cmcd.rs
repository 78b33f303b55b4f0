//! CMCD: a dictionary of structured fields (RFC 9651), read by the `sfv` crate straight into a [`Beacon`].
//!
//! The parser is strict, as the RFC demands: one bad character loses the record. Released players do send two things that
//! it rejects, fractions longer than three digits (`msd=812.300000011`) and letters outside ASCII in strings; only when
//! parsing has failed are these mended, and it is tried once more.

use std::{borrow::Cow, convert::Infallible};

use sfv::{
    BareItemFromInput, KeyRef, Parser,
    visitor::{DictionaryVisitor, EntryVisitor, Ignored, InnerListVisitor, ItemVisitor, ParameterVisitor},
};

use crate::{
    error::Cause,
    record::{Beacon, Medium, Member, Value},
};

/// Reads one record: a line of an event batch, the value of `?CMCD=`, or the four headers' values joined by commas.
pub(crate) fn parse(text: &str) -> Result<Beacon, Cause> {
    let text = text.trim();
    read(text).or_else(|error| match mend(text) {
        Some(mended) => read(&mended).map_err(|_| error),
        None => Err(error),
    })
}

fn read(text: &str) -> Result<Beacon, Cause> {
    let mut beacon = Beacon::default();
    match Parser::new(text).parse_dictionary_with_visitor(Dictionary(&mut beacon)) {
        Ok(()) => Ok(beacon),
        Err(error) => Err(Cause::Malformed(error.to_string())),
    }
}

/// `text` with fractions cut to three digits and strings in ASCII; `None` where there was nothing of the kind.
fn mend(text: &str) -> Option<String> {
    let (mut out, mut quoted, mut escaped, mut fraction, mut mended) = (String::new(), false, false, None, false);
    for c in text.chars() {
        fraction = match (fraction, c) {
            (_, '.') if !quoted && out.ends_with(|d: char| d.is_ascii_digit()) => Some(0),
            (Some(digits), '0'..='9') => Some(digits + 1),
            _ => None,
        };
        if fraction.is_some_and(|digits| digits > 3) {
            mended = true;
            continue;
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && c == '\\' && !escaped;
        if quoted && !c.is_ascii() {
            mended = true;
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        } else {
            out.push(c);
        }
    }
    mended.then_some(out)
}

impl<'a> From<BareItemFromInput<'a>> for Value<'a> {
    fn from(item: BareItemFromInput<'a>) -> Self {
        match item {
            BareItemFromInput::Integer(n) => Value::Number(i64::from(n) as f64),
            BareItemFromInput::Decimal(n) => Value::Number(n.into()),
            BareItemFromInput::Boolean(b) => Value::Flag(b),
            BareItemFromInput::Token(t) => Value::Text(Cow::Borrowed(t.as_str())),
            BareItemFromInput::String(Cow::Borrowed(s)) => Value::Text(Cow::Borrowed(s.as_str())),
            BareItemFromInput::String(Cow::Owned(s)) => Value::Text(Cow::Owned(s.into())),
            BareItemFromInput::DisplayString(s) => Value::Text(s),
            BareItemFromInput::ByteSequence(_) | BareItemFromInput::Date(_) => Value::Other,
        }
    }
}

struct Dictionary<'b>(&'b mut Beacon);

struct Entry<'b, 'a>(&'b mut Beacon, &'a KeyRef);

struct List<'b, 'a>(&'b mut Beacon, &'a KeyRef, Vec<Member<'a>>);

struct Item<'b, 'a>(&'b mut Vec<Member<'a>>);

impl<'a> DictionaryVisitor<'a> for Dictionary<'_> {
    type Out = ();
    type Error = Infallible;
    fn entry(&mut self, key: &'a KeyRef) -> Result<impl EntryVisitor<'a>, Infallible> {
        Ok(Entry(self.0, key))
    }
    fn finish(self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl<'a> EntryVisitor<'a> for Entry<'_, 'a> {
    type Error = Infallible;
    fn item(self) -> Result<impl ItemVisitor<'a>, Infallible> {
        Ok(self)
    }
    fn inner_list(self) -> Result<impl InnerListVisitor<'a>, Infallible> {
        Ok(List(self.0, self.1, Vec::new()))
    }
}

impl<'a> ItemVisitor<'a> for Entry<'_, 'a> {
    type Out = ();
    type Error = Infallible;
    fn bare_item(self, item: BareItemFromInput<'a>) -> Result<impl ParameterVisitor<'a, Out = ()>, Infallible> {
        self.0.set(self.1.as_str(), item.into());
        Ok(Ignored)
    }
}

impl<'a> InnerListVisitor<'a> for List<'_, 'a> {
    type Error = Infallible;
    fn item(&mut self) -> Result<impl ItemVisitor<'a>, Infallible> {
        Ok(Item(&mut self.2))
    }
    fn finish(self) -> Result<impl ParameterVisitor<'a>, Infallible> {
        self.0.set(self.1.as_str(), Value::List(self.2));
        Ok(Ignored)
    }
}

impl<'a> ItemVisitor<'a> for Item<'_, 'a> {
    type Out = ();
    type Error = Infallible;
    fn bare_item(self, item: BareItemFromInput<'a>) -> Result<impl ParameterVisitor<'a, Out = ()>, Infallible> {
        self.0.push(Member { value: item.into(), of: Medium::Untold });
        Ok(self)
    }
}

impl<'a> ParameterVisitor<'a> for Item<'_, 'a> {
    type Out = ();
    type Error = Infallible;
    fn parameter(&mut self, key: &'a KeyRef, _: BareItemFromInput<'a>) -> Result<(), Infallible> {
        if let Some(member) = self.0.last_mut() {
            member.of = Medium::named(key.as_str());
        }
        Ok(())
    }
    fn finish(self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::State;

    #[test]
    fn an_interval_report() {
        let line = r#"bl=(6000),br=(4200;v 256;a),cid="c1",e=t,mtp=(87000;v),msd=812,pt=29188,sf=h,sid="s 1",sn=2,st=v,sta=p,ts=1764752430000,v=2"#;
        let expected = Beacon {
            version: Some(2),
            event: Some("t".into()),
            state: Some(State::Playing),
            session: Some("s 1".into()),
            content: Some("c1".into()),
            number: Some(2),
            time_ms: Some(1_764_752_430_000),
            startup_ms: Some(812),
            bitrate_kbps: Some(4_456),
            buffer_ms: Some(6_000),
            throughput_kbps: Some(87_000),
            ..Beacon::default()
        };
        assert_eq!(parse(line), Ok(expected));
    }

    #[test]
    fn a_stall_and_a_response_and_an_error() {
        let stall = parse(r#"bs,bsd=(1500;v 900;a),bsda=(3100),cid="c1",e=ps,sid="s",sn=3,sta=p,ts=1764752431500,v=2"#);
        let stall = stall.expect("sound");
        assert_eq!((stall.stalled_ms, stall.stalled_total_ms), (Some(1_500), Some(3_100)));
        let response = parse(
            r#"e=rr,ot=v,rc=200,sid="s",sn=4,ts=1764752432000,ttfb=180,ttlb=400,url="https://a.cdn.example/s5.m4s",v=2"#,
        );
        let response = response.expect("sound");
        assert!(response.is_response());
        assert_eq!((response.status, response.ttfb_ms, response.ttlb_ms), (Some(200), Some(180), Some(400)));
        assert_eq!(response.url.as_deref(), Some("https://a.cdn.example/s5.m4s"));
        let error = parse(r#"e=e,ec=("manifestLoadError" "42"),sid="s",sta=f,v=2"#).expect("sound");
        assert_eq!((error.error.as_deref(), error.state), (Some("manifestLoadError,42"), Some(State::Failed)));
    }

    #[test]
    fn version_1_has_plain_numbers_and_flags() {
        let v1 = parse(
            r#"bl=21300,br=3200,bs,cid="faec5fc2",d=4004,mtp=25400,nor="..%2F300kbps%2Fs35.m4v",ot=v,rtp=15000,sf=h,sid="6e2f",st=v,su,tb=6000"#,
        );
        let v1 = v1.expect("sound");
        assert_eq!((v1.buffer_ms, v1.bitrate_kbps, v1.version), (Some(21_300), Some(3_200), None));
        assert_eq!(v1.cmcd(), fairway_store::Source::Cmcd1);
    }

    #[test]
    fn what_players_get_wrong_is_tolerated() {
        for (line, what, expected) in [
            (r#"sid="s", sta=p , msd=812.4"#, "spaces and a fraction", Some(812)),
            (r#"sid="s",msd=812.5000000119209"#, "a long fraction", Some(813)),
            (r#"cid="Füße \"1.23456\"",sid="s",msd=1"#, "letters outside ASCII", Some(1)),
            (r#"sid="s",com.example-x=:AAE=:,hello="?",msd=7"#, "custom and unknown keys", Some(7)),
            (r#"msd="soon",sid="s",sta=5,sn=-1,rc=1000"#, "wrong types and values", None),
            (r#"msd=5,msd=6,sid="s""#, "a key twice: the last counts", Some(6)),
        ] {
            let beacon = parse(line).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!((beacon.startup_ms, beacon.session.as_deref()), (expected, Some("s")), "{what}");
        }
        let too_much =
            parse(r#"br=(9000000;v),e=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,ts=999999999999999"#).expect("sound");
        assert_eq!(too_much, Beacon::default());
        let kept = parse(r#"cid="Füße \"1.23456\"",msd=1.23456"#).expect("mended");
        assert_eq!(kept.content.as_deref(), Some(r#"F%C3%BC%C3%9Fe "1.23456""#));
    }

    #[test]
    fn what_is_no_dictionary_is_malformed() {
        for line in ["{}", "sid=\"open", "a=1,,b=2", "<xml/>", "bl=(1 2", "sid=\"s\"\u{0}", "="] {
            assert!(matches!(parse(line), Err(Cause::Malformed(_))), "{line:?}");
        }
    }
}
