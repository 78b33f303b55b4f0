//! The dashboard's wasm bundle, into `target/site/`: cargo compiles, wasm-bindgen (as a library, so that nothing is
//! downloaded) makes the JavaScript around it. Cargo knows whether its part is up to date; ours is when its wasm is the
//! one we last bound.

use std::{
    error::Error,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    process::Command,
    time::Instant,
};

use wasm_bindgen_cli_support::Bindgen;

/// What the page loads: starts the module, whose `start` does the rest. A file, so that no page needs an inline script.
const START: &str = "import init from './fairway.js';\nawait init();\n";

/// Builds the bundle below `root` if it is not up to date; says what it does. `Ok(false)` when cargo failed and said why.
pub fn build(root: &Path) -> Result<bool, Box<dyn Error>> {
    let begun = Instant::now();
    let (target, site) = (root.join("target/wasm"), root.join("target/site"));
    eprintln!("site: compiling the dashboard to wasm (the first time takes a minute or two)");
    let compiled = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["rustc", "--quiet", "--package", "fairway-dashboard", "--lib", "--crate-type", "cdylib"])
        .args(["--target", "wasm32-unknown-unknown", "--profile", "wasm-release"])
        .args(["--no-default-features", "--features", "hydrate"])
        .arg("--target-dir")
        .arg(&target)
        .status()?;
    if !compiled.success() {
        return Ok(false);
    }
    let wasm = fs::read(target.join("wasm32-unknown-unknown/wasm-release/fairway_dashboard.wasm"))?;
    let stamp = stamp(&wasm);
    let stamp_file = target.join("site.stamp");
    if fs::read_to_string(&stamp_file).is_ok_and(|bound| bound == stamp) && site.join("fairway_bg.wasm").exists() {
        eprintln!("site: up to date ({:.1} s)", begun.elapsed().as_secs_f32());
        return Ok(true);
    }
    fs::create_dir_all(&site)?;
    let mut bound = Bindgen::new();
    bound.input_bytes("fairway", wasm).web(true)?.typescript(false);
    bound.omit_default_module_path(false).remove_name_section(true).remove_producers_section(true);
    bound.generate(&site)?;
    fs::write(site.join("fairway-start.js"), START)?;
    fs::write(stamp_file, stamp)?;
    for file in ["fairway_bg.wasm", "fairway.js", "fairway-start.js"] {
        eprintln!("site: target/site/{file}: {} KB", fs::metadata(site.join(file))?.len().div_ceil(1000));
    }
    eprintln!("site: done ({:.0} s)", begun.elapsed().as_secs_f32());
    Ok(true)
}

/// Changes when the wasm does, or how we bind it. (The wasm names the wasm-bindgen that it is for.)
fn stamp(wasm: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    (wasm, include_str!("site.rs")).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
