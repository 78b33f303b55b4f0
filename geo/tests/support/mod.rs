//! Writes MaxMind DB files small enough to read in a test (<https://maxmind.github.io/MaxMind-DB/>).

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

/// A database of `networks` and their records; IPv4 networks lie under `::/96`.
pub fn mmdb(networks: &[(&str, Value)]) -> Vec<u8> {
    let mut nodes = vec![[Slot::Empty; 2]];
    let mut data = Vec::new();
    for (network, record) in networks {
        let offset = data.len();
        encode(record, &mut data);
        let network: IpNet = network.parse().expect("a network");
        let (bits, len) = match network.addr() {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), network.prefix_len() + 96),
            IpAddr::V6(v6) => (v6.to_bits(), network.prefix_len()),
        };
        let mut node = 0;
        for depth in 0..len {
            let slot = (bits >> (127 - depth) & 1) as usize;
            node = match nodes[node][slot] {
                _ if depth + 1 == len => {
                    nodes[node][slot] = Slot::Data(offset);
                    node
                }
                Slot::Node(next) => next,
                _ => {
                    nodes.push([Slot::Empty; 2]);
                    nodes[node][slot] = Slot::Node(nodes.len() - 1);
                    nodes.len() - 1
                }
            };
        }
    }

    let mut file = Vec::new();
    for slot in nodes.iter().flatten() {
        let record = match slot {
            Slot::Empty => nodes.len(),
            Slot::Node(node) => *node,
            Slot::Data(offset) => nodes.len() + 16 + offset,
        };
        file.extend((record as u32).to_be_bytes());
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    head(MAP, 9, &mut file);
    for (name, kind, number) in [
        ("binary_format_major_version", UINT16, 2),
        ("binary_format_minor_version", UINT16, 0),
        ("build_epoch", UINT64, 0),
        ("ip_version", UINT16, 6),
        ("node_count", UINT32, nodes.len() as u16),
        ("record_size", UINT16, 32),
    ] {
        encode(&json!(name), &mut file);
        head(kind, 2, &mut file);
        file.extend(number.to_be_bytes());
    }
    for (name, value) in [("database_type", json!("test")), ("description", json!({})), ("languages", json!([]))] {
        encode(&json!(name), &mut file);
        encode(&value, &mut file);
    }
    file
}

#[derive(Clone, Copy)]
enum Slot {
    Empty,
    Node(usize),
    Data(usize),
}

const STRING: u8 = 2;
const DOUBLE: u8 = 3;
const UINT16: u8 = 5;
const UINT32: u8 = 6;
const MAP: u8 = 7;
const UINT64: u8 = 9;
const ARRAY: u8 = 11;
const BOOLEAN: u8 = 14;

/// What goes before a value: its type and length. Types above 7 have a byte of their own.
fn head(kind: u8, len: usize, out: &mut Vec<u8>) {
    let (len, more) = if len < 29 { (len as u8, None) } else { (29, Some((len - 29) as u8)) };
    out.extend(if kind < 8 { vec![kind << 5 | len] } else { vec![len, kind - 7] });
    out.extend(more);
}

fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::String(text) => {
            head(STRING, text.len(), out);
            out.extend(text.bytes());
        }
        Value::Number(number) => match number.as_u64() {
            Some(whole) => {
                head(UINT32, 4, out);
                out.extend((whole as u32).to_be_bytes());
            }
            None => {
                head(DOUBLE, 8, out);
                out.extend(number.as_f64().expect("a float").to_be_bytes());
            }
        },
        Value::Object(map) => {
            head(MAP, map.len(), out);
            for (name, value) in map {
                encode(&json!(name), out);
                encode(value, out);
            }
        }
        Value::Array(list) => {
            head(ARRAY, list.len(), out);
            list.iter().for_each(|value| encode(value, out));
        }
        Value::Bool(yes) => head(BOOLEAN, usize::from(*yes), out),
        Value::Null => unreachable!("the format has no null"),
    }
}
