//! The log's file: lines as JSON, and what becomes of it when it has grown.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

use chrono::SecondsFormat;
use serde::Serialize;

use super::line::Line;
use crate::metrics::labels::{code_name, type_name};

/// A file that is renamed at a size.
pub(super) struct Rotated {
    path: PathBuf,
    size: u64,
    /// With the octets in it. `None` before the first line, and after an error.
    open: Option<(BufWriter<File>, u64)>,
}

impl Rotated {
    pub(super) fn new(path: PathBuf, size: u64) -> Self {
        Self { path, size, open: None }
    }

    pub(super) fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(&Record::of(line))?;
        bytes.push(b'\n');
        let (mut file, mut length) = match self.open.take() {
            Some(open) => open,
            None => {
                let file = File::options().create(true).append(true).open(&self.path)?;
                let length = file.metadata()?.len();
                (BufWriter::new(file), length)
            }
        };
        file.write_all(&bytes)?;
        length += bytes.len() as u64;
        if length < self.size {
            self.open = Some((file, length));
            return Ok(());
        }
        file.flush()?;
        let mut old = OsString::from(&self.path);
        old.push(".1");
        fs::rename(&self.path, old)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self.open.take() {
            Some((mut file, length)) => {
                file.flush()?;
                self.open = Some((file, length));
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// A line, as it is written.
#[derive(Serialize)]
struct Record<'l> {
    time: String,
    transport: &'static str,
    /// As a prefix.
    client: String,
    name: Option<String>,
    r#type: Option<String>,
    rcode: String,
    service: Option<&'l str>,
    pathway: Option<&'l str>,
    /// Number of the snapshot that it was decided by.
    snapshot: Option<u64>,
    scope: u8,
    size: u16,
    flags: String,
}

impl<'l> Record<'l> {
    fn of(line: &'l Line) -> Self {
        let (snapshot, service, pathway) = match &line.decided {
            Some((snapshot, service, pathway)) => (Some(snapshot), snapshot.services.get(*service), *pathway),
            None => (None, None, None),
        };
        let policy = service.map(|service| &service.policy);
        let pathway = policy.zip(pathway).and_then(|(policy, pathway)| policy.pathways.get(usize::from(pathway)));
        Self {
            time: line.time.to_rfc3339_opts(SecondsFormat::Micros, true),
            transport: line.transport.name(),
            client: prefix(line.client),
            name: (!line.name.is_empty()).then(|| text(&line.name)),
            r#type: line.rtype.map(|rtype| type_name(rtype).map_or_else(|| format!("TYPE{rtype}"), str::to_owned)),
            rcode: code_name(line.code).map_or_else(|| format!("RCODE{}", line.code), str::to_owned),
            service: policy.map(|policy| policy.service.as_str()),
            pathway: pathway.map(|pathway| pathway.id.as_str()),
            snapshot: snapshot.map(|snapshot| snapshot.version),
            scope: line.scope,
            size: line.size,
            flags: flags(line.flags),
        }
    }
}

fn prefix(client: IpAddr) -> String {
    match client.to_canonical() {
        IpAddr::V4(v4) => format!("{}/24", Ipv4Addr::from_bits(v4.to_bits() & !0xff)),
        IpAddr::V6(v6) => format!("{}/48", Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80)),
    }
}

/// A name in wire form as master files write it (RFC 1035 §5.1).
fn text(mut wire: &[u8]) -> String {
    let mut text = String::new();
    while let Some((length, rest)) = wire.split_first().filter(|(length, _)| **length > 0) {
        let (label, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        for byte in label {
            match byte {
                b'.' | b'\\' => text.extend(['\\', char::from(*byte)]),
                b'!'..=b'~' => text.push(char::from(*byte)),
                _ => text.push_str(&format!("\\{byte:03}")),
            }
        }
        text.push('.');
        wire = rest;
    }
    if text.is_empty() { ".".into() } else { text }
}

/// Flags of a header, as dig writes them.
fn flags(word: u16) -> String {
    const FLAGS: [(u16, &str); 7] =
        [(0x8000, "qr"), (0x400, "aa"), (0x200, "tc"), (0x100, "rd"), (0x80, "ra"), (0x20, "ad"), (0x10, "cd")];
    let set: Vec<&str> = FLAGS.into_iter().filter(|(bit, _)| word & bit != 0).map(|(_, name)| name).collect();
    set.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_in_master_files() {
        assert_eq!(text(b"\x03a.b\x04t\\s \0"), r"a\.b.t\\s\032.");
        assert_eq!(text(b"\x02\xffz\0"), r"\255z.");
        assert_eq!(text(b"\0"), ".");
    }

    #[test]
    fn a_client_is_told_of_by_its_prefix() {
        let of = |address: &str| prefix(address.parse().unwrap());
        assert_eq!(of("192.0.2.255"), "192.0.2.0/24");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.0/24");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1::/48");
    }
}
