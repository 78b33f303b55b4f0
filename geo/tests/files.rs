//! Files in, places out: every layout that is read, what two files make together, and what is said of a bad one.
#![allow(clippy::expect_used, reason = "a helper of tests fails the test that it helps")]

mod support;

use std::{fs, net::IpAddr, path::PathBuf};

use fairway_geo::{Asn, GeoError, GeoTable, Region, RegionSet};
use serde_json::{Value, json};
use support::mmdb;
use tempfile::TempDir;

/// Writes the files into a folder of their own and loads them in that order.
fn load(files: &[(&str, Vec<u8>)]) -> Result<GeoTable, String> {
    let folder = TempDir::new().expect("a temporary folder");
    let paths = files.iter().map(|(name, bytes)| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file written");
        path
    });
    let paths: Vec<PathBuf> = paths.collect();
    GeoTable::load(&paths, &mut |_| {}).map_err(|e| e.to_string().replace(folder.path().to_str().expect("text"), ""))
}

fn one(name: &str, bytes: impl Into<Vec<u8>>) -> GeoTable {
    load(&[(name, bytes.into())]).expect("a sound file")
}

fn refused(name: &str, bytes: impl Into<Vec<u8>>) -> String {
    load(&[(name, bytes.into())]).expect_err("a refusal")
}

/// Where `address` is, in the form `EU DE BY AS64500 48.1,11.6 192.0.2.0/24`, with what is unknown left out.
fn at(table: &GeoTable, address: &str) -> String {
    let located = table.locate(address.parse::<IpAddr>().expect("an address"));
    let place = located.place;
    let parts = [
        place.continent.map(|c| c.to_string()),
        place.country.map(|c| c.to_string()),
        place.subdivision.map(|s| s.to_string()),
        place.asn.map(|a| a.to_string()),
        place.coordinates.map(|c| format!("{},{}", c.latitude, c.longitude)),
        Some(located.prefix.to_string()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[test]
fn maxminds_layout() {
    let munich = json!({
        "city": { "geoname_id": 2867714, "names": { "en": "Munich" } },
        "continent": { "code": "EU", "names": { "en": "Europe" } },
        "country": { "iso_code": "DE", "names": { "en": "Germany" } },
        "location": { "accuracy_radius": 20, "latitude": 48.1, "longitude": 11.6, "time_zone": "Europe/Berlin" },
        "registered_country": { "iso_code": "US" },
        "subdivisions": [{ "iso_code": "BY", "names": { "en": "Bavaria" } }, { "iso_code": "M" }],
        "traits": { "is_anycast": true },
    });
    let registered = json!({ "registered_country": { "iso_code": "US" }, "continent": { "code": "NA" } });
    let city = [("192.0.2.0/24", munich.clone()), ("198.51.100.0/24", registered), ("2001:db8:7::/48", munich)];
    let table = one("GeoLite2-City.mmdb", mmdb(&city));
    assert_eq!(at(&table, "192.0.2.77"), "EU DE BY 48.1,11.6 192.0.2.0/24");
    assert_eq!(at(&table, "2001:db8:7::1"), "EU DE BY 48.1,11.6 2001:db8:7::/48");
    assert_eq!(at(&table, "198.51.100.1"), "NA 198.51.100.0/24", "where a block is registered is not where it is used");
    assert_eq!(at(&table, "192.0.3.1"), "192.0.3.0/24", "what is not known has its prefix too");

    let asn = json!({ "autonomous_system_number": 64500, "autonomous_system_organization": "Example" });
    assert_eq!(at(&one("GeoLite2-ASN.mmdb", mmdb(&[("192.0.2.0/24", asn)])), "192.0.2.1"), "AS64500 192.0.2.0/24");
}

#[test]
fn flat_layouts() {
    for (layout, record, expected) in [
        ("ip-location-db, country", json!({ "country_code": "DE" }), "EU DE"),
        (
            "ip-location-db, city",
            json!({
                "city": "Munich", "country_code": "DE", "latitude": 48.1, "longitude": 11.6, "postcode": "80331",
                "state1": "Bavaria", "state2": "", "timezone": "Europe/Berlin",
            }),
            "EU DE 48.1,11.6",
        ),
        (
            "IPinfo lite",
            json!({
                "as_domain": "example.net", "as_name": "Example", "asn": "AS64500", "continent": "Europe",
                "continent_code": "EU", "country": "Germany", "country_code": "DE",
            }),
            "EU DE AS64500",
        ),
        (
            "IPinfo country",
            json!({ "asn": "", "continent": "EU", "country": "DE", "country_name": "Germany" }),
            "EU DE",
        ),
        (
            "IPinfo location",
            json!({ "city": "Munich", "country": "DE", "lat": "48.1", "lng": "11.6", "region": "Bavaria", "region_code": "BY" }),
            "EU DE BY 48.1,11.6",
        ),
        ("IPinfo, older", json!({ "country": "DE", "loc": "48.1,11.6", "asn": 64500 }), "EU DE AS64500 48.1,11.6"),
        ("out of range", json!({ "country": "DE", "latitude": 480.1, "longitude": 11.6 }), "EU DE"),
        ("unknown country", json!({ "country_code": "ZZ", "asn": "AS64500" }), "AS64500"),
    ] {
        let table = one("flat.mmdb", mmdb(&[("192.0.2.0/24", record)]));
        assert_eq!(at(&table, "192.0.2.1"), format!("{expected} 192.0.2.0/24"), "{layout}");
    }
}

#[test]
fn ipv4_within_ipv6_in_all_its_forms() {
    let (de, br) = (json!({ "country_code": "DE" }), json!({ "country_code": "BR" }));
    let table = one("a.mmdb", mmdb(&[("192.0.2.0/24", de.clone()), ("::ffff:192.0.2.0/120", br.clone())]));
    assert_eq!(at(&table, "192.0.2.1"), "EU DE 192.0.2.0/24", "the format's own place for IPv4 counts");
    assert_eq!(at(&table, "::ffff:192.0.2.1"), "EU DE 192.0.2.0/24");
    let table = one("b.mmdb", mmdb(&[("::ffff:192.0.2.0/120", br.clone())]));
    assert_eq!(at(&table, "192.0.2.1"), "SA BR 192.0.2.0/24", "mapped only");
    let table = one("c.mmdb", mmdb(&[("::/1", de)]));
    assert_eq!(at(&table, "192.0.2.1"), "EU DE 0.0.0.0/0", "a network that holds ::/96 holds all of IPv4");
    assert_eq!(at(&table, "2001:db8::1"), "EU DE ::/1");
}

#[test]
fn range_csv() {
    let asn = one("asn.csv", "192.0.2.0,192.0.2.255,64500,\"Example, Inc.\"\n192.0.3.0,192.0.3.7,64501,Other\n");
    assert_eq!(at(&asn, "192.0.2.9"), "AS64500 192.0.2.0/24");
    assert_eq!(at(&asn, "192.0.3.3"), "AS64501 192.0.3.0/29");
    assert_eq!(at(&asn, "192.0.3.8"), "192.0.3.8/29");
    let country =
        one("country.csv", "192.0.2.0,192.0.4.255,DE\n192.0.5.0,192.0.5.255,ZZ\n2001:db8::,2001:db8:1:ffff::,BR\n");
    assert_eq!(at(&country, "192.0.4.9"), "EU DE 192.0.4.0/24");
    assert_eq!(at(&country, "192.0.3.9"), "EU DE 192.0.2.0/23");
    assert_eq!(at(&country, "192.0.5.9"), "192.0.5.0/24");
    assert_eq!(at(&country, "2001:db8:1:ffff::"), "SA BR 2001:db8:1:ffff::/128", "the last is inclusive");
    assert_eq!(at(&country, "2001:db8:1:fffe::"), "SA BR 2001:db8:1:fffe::/64");
    let numeric = "\"0\",\"281470681743359\",\"-\",\"-\"\n\"281473902969344\",\"281473902969599\",\"DE\",\"Germany\"\n";
    assert_eq!(at(&one("numeric6.csv", numeric), "192.0.2.1"), "EU DE 192.0.2.0/24", "IPv4 as mapped numbers");
    assert_eq!(at(&one("numeric4.csv", "3221225984,3221226239,64500,Example\n"), "192.0.2.1"), "AS64500 192.0.2.0/24");
    let city = "192.0.2.0,192.0.2.255,DE,Bavaria,Upper Bavaria,Munich,80331,48.1,11.6,Europe/Berlin\n";
    assert_eq!(at(&one("city.csv", city), "192.0.2.1"), "EU DE 48.1,11.6 192.0.2.0/24");
    let city = "192.0.2.0,192.0.2.255,EU,DE,Bavaria,Munich,48.1,11.6\n192.0.3.0,192.0.3.255,EU,DE,,,,\n";
    assert_eq!(at(&one("dbip-city.csv", city), "192.0.2.1"), "EU DE 48.1,11.6 192.0.2.0/24");
    assert_eq!(at(&one("dbip-city.csv", city), "192.0.3.1"), "EU DE 192.0.3.0/24");
}

#[test]
fn within_a_file_the_more_specific_range_holds() {
    let nested = "10.0.0.0,10.0.0.255,DE\n10.0.0.64,10.0.0.127,FR\n10.0.0.250,10.0.1.255,BR\n";
    let table = one("nested.csv", nested);
    for (address, expected) in [
        ("10.0.0.1", "EU DE 10.0.0.0/26"),
        ("10.0.0.65", "EU FR 10.0.0.64/26"),
        ("10.0.0.129", "EU DE 10.0.0.128/26"),
        ("10.0.0.250", "SA BR 10.0.0.250/31"),
        ("10.0.1.1", "SA BR 10.0.1.0/24"),
    ] {
        assert_eq!(at(&table, address), expected);
    }
}

#[test]
fn the_earlier_file_wins_part_by_part() {
    let own = b"192.0.2.0,192.0.2.127,FR\n".to_vec();
    let city = json!({ "country": { "iso_code": "DE" }, "location": { "latitude": 48.1, "longitude": 11.6 },
        "autonomous_system_number": 64500 });
    let asn = b"192.0.2.0,192.0.2.255,64501,Other\n192.0.3.0,192.0.3.255,64501,Other\n".to_vec();
    let table = load(&[("own.csv", own), ("city.mmdb", mmdb(&[("192.0.2.0/24", city)])), ("asn.csv", asn)])
        .expect("sound files");
    assert_eq!(at(&table, "192.0.2.1"), "EU FR AS64500 192.0.2.0/25", "Munich is not in France");
    assert_eq!(at(&table, "192.0.2.129"), "EU DE AS64500 48.1,11.6 192.0.2.128/25");
    assert_eq!(at(&table, "192.0.3.1"), "AS64501 192.0.3.0/24");
    assert_eq!(table.size().to_string(), "5 IPv4 and 1 IPv6 ranges in 3 places");
}

#[test]
fn equal_neighbours_are_one_block() {
    let halves = "192.0.2.0,192.0.2.127,DE\n192.0.2.128,192.0.2.255,DE\n2001:db8::,2001:db8::ffff,BR\n";
    let table = one("halves.csv", halves);
    let blocks: Vec<String> = table.blocks().map(|(net, place)| format!("{net} {:?}", place.country)).collect();
    assert_eq!(blocks, ["192.0.2.0/24 Some(DE)", "2001:db8::/112 Some(BR)"]);
}

#[test]
fn places_lie_by_region_and_blocks_merge_what_answers_alike() {
    let rows = "10.0.0.0,10.0.0.255,DE\n10.0.1.0,10.0.1.255,FR\n10.0.2.0,10.0.2.255,DE\n10.0.4.0,10.0.4.255,BR\n";
    let asn = "10.0.0.0,10.0.0.127,64500,A\n10.0.1.0,10.0.1.127,64500,A\n10.0.3.0,10.0.3.127,64501,B\n";
    let table = load(&[("country.csv", rows.into()), ("asn.csv", asn.into())]).expect("sound files");
    let text = |region: Region| region.country.map_or("?".into(), |c| format!("{c}"));
    let regions: Vec<_> = table.regions().map(|(id, region)| (id, text(region))).collect();
    assert_eq!(regions.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["?", "DE", "FR", "BR"]);
    for (id, region) in table.regions() {
        for (place, at) in table.places_in(id) {
            assert_eq!((table.region_of(place), Region::of(at), table.place(place)), (id, region, *at));
        }
    }
    let listed = table.regions().flat_map(|(id, _)| table.places_in(id).map(|(place, _)| place));
    assert!(listed.eq(table.places().map(|(place, _)| place)), "each place is in one region, and they lie together");
    let network: Vec<_> = table.places_of(Asn(64500)).map(|place| text(Region::of(&table.place(place)))).collect();
    assert_eq!(network, ["DE", "FR"]);
    assert_eq!(table.places_of(Asn(1)).count(), 0);
    let located = table.locate("10.0.1.1".parse().expect("an address"));
    assert_eq!(located.id.map(|id| table.place(id)), Some(located.place));

    let block = |address: &str, countries: &[&str]| {
        let those = regions.iter().filter(|(_, name)| countries.contains(&name.as_str())).map(|(id, _)| *id);
        table.block(address.parse().expect("an address"), &those.collect::<RegionSet>()).to_string()
    };
    assert_eq!(block("10.0.0.1", &["DE"]), "10.0.0.0/24", "France is beside it");
    assert_eq!(block("10.0.0.1", &["DE", "FR"]), "10.0.0.0/23", "nobody's 10.0.3.0 is not in it");
    assert_eq!(block("10.0.0.1", &["DE", "FR", "?"]), "10.0.0.0/22", "Brazil is not in it");
    assert_eq!(block("::ffff:10.0.0.1", &["DE", "FR", "?", "BR"]), "0.0.0.0/0");
    assert_eq!(block("10.0.0.129", &[]), "10.0.0.0/24", "its own region at least");
    assert_eq!(block("2001:db8::1", &["?"]), "::/0");
}

#[test]
fn more_regions_than_there_can_be_are_refused() {
    let letters = || 'A'..='Z';
    let codes = letters().flat_map(|a| letters().map(move |b| format!("{a}{b}"))).take(600);
    let rows: String = codes.enumerate().map(|(n, code)| format!("{n},{n},{code}\n")).collect();
    let said = refused("codes.csv", rows);
    assert!(said.starts_with("the files name more than 512 pairs of continent and country"), "{said}");
}

#[test]
fn refusals_say_what_is_wrong_and_where() {
    let missing = GeoTable::load(&["no/such.mmdb".into()], &mut |_| {}).expect_err("a refusal");
    assert!(matches!(missing, GeoError::Missing(_)));
    assert_eq!(missing.to_string(), "no/such.mmdb: no such file; `make setup` fetches the default geo data");
    assert_eq!(
        refused("geo.dat", ""),
        "/geo.dat: what kind of file is this? Read are .mmdb (MaxMind DB) and .csv (address ranges)"
    );
    assert_eq!(
        refused("a.csv", "192.0.2.0,192.0.2.255,DE\n192.0.3.0,192.0.1.255,DE\n"),
        "/a.csv:2: expected a first and a last address of one kind, as 192.0.2.0,192.0.2.255 or in decimal, the last not \
         before the first, found \"192.0.3.0,192.0.1.255,DE\""
    );
    for (row, expected) in [
        ("192.0.2.0,2001:db8::,DE", "a first and a last address of one kind"),
        ("start,end,country", "a first and a last address of one kind"),
        ("192.0.2.0,192.0.2.255", "3, 4, 8 or 10 columns"),
        ("192.0.2.0,192.0.2.255,Germany", "a country code or an AS number in column 3"),
        ("192.0.2.0,192.0.2.255,EU,DE,Bavaria,Munich,48.1,east", "a latitude and a longitude"),
        ("10.0.0.0,10.0.0.255,DE", "a range that does not begin before the one above it"),
    ] {
        let said = refused("a.csv", format!("\n192.0.1.0,192.0.1.255,DE\n{row}\n"));
        assert!(said.starts_with(&format!("/a.csv:3: expected {expected}")) && said.contains(row), "{said}");
    }
    for nothing in ["", "192.0.2.0,192.0.2.255,ZZ\n"] {
        let said = refused("a.csv", nothing);
        assert_eq!(
            said,
            "/a.csv: says of no address which continent, country or AS number it has; is it the right file?"
        );
    }
}

#[test]
fn a_damaged_database_is_refused() {
    let record: Value = json!({ "country": { "iso_code": "DE" } });
    let sound = mmdb(&[("192.0.2.0/24", record.clone())]);
    assert_eq!(
        refused("a.mmdb", "no database"),
        "/a.mmdb: not a sound MaxMind DB: invalid database: could not find MaxMind DB metadata in file"
    );
    let start = sound.iter().rposition(|byte| *byte == 0xab).expect("the metadata's marker");
    let mut cut = sound[..64].to_vec();
    cut.extend(&sound[start..]);
    assert!(refused("a.mmdb", cut).starts_with("/a.mmdb: not a sound MaxMind DB: "));
    // The record's first two bytes name a type that does not exist; the reader stops behind them.
    let mut damaged = sound.clone();
    let offset = sound.windows(8).position(|bytes| bytes == b"Gcountry").expect("the record's first name") - 1;
    damaged[offset] = 0;
    damaged[offset + 1] = 200;
    let said = refused("a.mmdb", damaged);
    assert!(
        said.starts_with("/a.mmdb: not a sound MaxMind DB: ") && said.contains(&format!("offset {}", offset + 2)),
        "{said}"
    );
    // A node that leads back to the root.
    let mut circle = sound;
    circle[8..16].fill(0);
    assert!(refused("a.mmdb", circle).starts_with("/a.mmdb: not a sound MaxMind DB: "));
}

#[test]
fn progress_is_told() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("a.csv");
    fs::write(&file, "192.0.2.0,192.0.2.255,DE\n").expect("a file written");
    let mut told = Vec::new();
    GeoTable::load(std::slice::from_ref(&file), &mut |loading| told.push((loading.file.clone(), loading.ranges)))
        .expect("a table");
    assert_eq!(told, [(file, 1)]);
}
