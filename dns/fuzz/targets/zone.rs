#![no_main]
use std::sync::LazyLock;

use fairway_dns::fuzzing::{World, zone};

static WORLD: LazyLock<World> = LazyLock::new(|| World::new(|file, text| fairway_policies::parse(file, text).ok()));

libfuzzer_sys::fuzz_target!(|data: &[u8]| zone(&WORLD, data));
